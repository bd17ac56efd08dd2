"""Title, summary sentence, headline numbers and notices."""

from corpusmill.jobs.reporting.facts import Facts
from corpusmill.jobs.reporting.funnel import Amount, Step
from corpusmill.jobs.reporting.html import number, percent, plural, short, size

STAGES = {"documents": "Ingest", "decisions": "Filter", "duplicates": "Deduplicate", "trims": "Trim", "domains": "Regroup",
          "counts": "Count", "mixture": "Mix"}


def title(facts: Facts) -> str:
    """What the manifest is."""
    last = facts.steps[-1] if facts.steps else None
    if facts.stage == "mixture" and last is not None and last.tokens is not None:
        return f"Mixture of {short(facts.held)} {facts.unit}"
    if facts.stage == "proportions":
        return f"Proportions of {plural(len(facts.domains), 'domain')}"
    return facts.stage.capitalize()


def summary(facts: Facts) -> str:
    """The story in one or two sentences."""
    kept = [step for step in facts.steps if step.stage != "mixture"]
    if not kept:
        return "Its lineage holds no documents."
    verb = "was" if kept[-1].kept == 1 else "were"
    told = f"{plural(kept[0].documents_in, 'document')} came in and {number(kept[-1].kept)} {verb} kept"
    share = f" ({percent(kept[-1].kept / kept[0].documents_in)})" if kept[0].documents_in else ""
    return f"{told}{share}{_counted(facts, kept[-1])}.{_drawn(facts)}"


def _counted(facts: Facts, last: Step) -> str:
    if not facts.domains or last.tokens is None:
        return ""
    return f", with {number(last.tokens.value)} {facts.counted} in {plural(len(facts.domains), 'domain')}"


def _drawn(facts: Facts) -> str:
    if not facts.plan:
        return ""
    drawn = sum(1 for d in facts.domains if d.drawn)
    budget = facts.plan["budget"]
    return (f" The mixture holds {number(facts.held)} {facts.unit} from {plural(drawn, 'domain')}: "
            f"{percent(facts.held / budget)} of the {number(budget)} asked for.")


def headline(facts: Facts) -> list[tuple[str, str, str]]:
    """(label, number, what it says) for the largest numbers."""
    kept = [step for step in facts.steps if step.stage != "mixture"]
    found: list[tuple[str, str, str]] = []
    if kept:
        first, last = kept[0], kept[-1]
        found.append(("Documents in", _large(first.documents_in), plural(len(facts.sources), "source")))
        if len(kept) > 1 or last.kept != first.documents_in:
            share = percent(last.kept / max(1, first.documents_in))
            lost = number(first.documents_in - last.kept)
            found.append(("Documents kept", _large(last.kept), f"{share}, {lost} dropped"))
        if last.bytes is not None:
            found.append(("Text", amount(last.bytes, size), "of the kept documents"))
        if last.tokens is not None and facts.domains:
            where = f"{plural(len(facts.domains), 'domain')}, counted"
            found.append((facts.counted.capitalize(), _large(last.tokens.value), where))
    return found + _mixture_headline(facts)


def _mixture_headline(facts: Facts) -> list[tuple[str, str, str]]:
    if not facts.plan:
        return []
    held, budget = facts.held, facts.plan["budget"]
    most = max((d.achieved_epochs or 0.0 for d in facts.domains), default=0.0)
    return [("In the mixture", _large(held), f"{percent(held / budget)} of {short(budget)} {facts.unit}"),
            ("Most epochs", f"{most:.2f}", f"cap {facts.plan['max_epochs']:g}")]


def _large(value: int) -> str:
    return number(value) if value < 10**8 else short(value)


def amount(value: Amount | None, form: object = None) -> str:
    """A number, with ≈ where it is estimated; – where there is none."""
    if value is None:
        return "–"
    text = size(value.value) if form is size else number(value.value)
    return text if value.exact else f"≈ {text}"


def notices(facts: Facts) -> list[str]:
    """What the reader should know before the numbers."""
    found = []
    if any(d.partial for d in facts.datasets):
        found.append("A first look: only part of the corpus was taken (limit= or sample=).")
    if facts.plan and facts.plan["notice"]:
        found.append(f"{facts.plan['notice'].rstrip('.')}.")
    found += [f"{str(loss)[:1].upper()}{str(loss)[1:]}." for loss in facts.losses]
    if facts.unread:
        reasons = ", ".join(f"{reason} ({number(n)})" for reason, n in facts.unread.items())
        found.append(f"{plural(sum(facts.unread.values()), 'file')} or parts of files could not be read: {reasons}.")
    if quarantine := facts.dataset("quarantine"):
        found.append(f"{plural(quarantine.rows, 'bad row')} or files went to quarantine: {quarantine.manifest}.")
    if inexact := [d.role for d in facts.datasets if not d.exact]:
        found.append(f"Computed by inexact operators: {', '.join(inexact)}. On another machine they can differ slightly.")
    return found
