"""Training by a rule, round by round: probes and an update of the proportions, then the steps that these draw.

    m domains · B sequences a step · T + 1 tokens of a sequence · K steps a round

A round's sequences are apportioned by its proportions and spread over its steps. The same setting, streams, number of threads
and machine give the same course, however often it was stopped and went on from a state.
"""

import copy
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from corpusmill.jobs.balancing.clock import Clock
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.lm.evaluation import held_windows, measured
from corpusmill.operators.lm.gpt import GPT, Shape
from corpusmill.operators.lm.gradients import DomainGradients, output_gradient, token_losses
from corpusmill.operators.lm.mixing import Streams, apportioned, spread
from corpusmill.operators.lm.tokens import Tokens
from corpusmill.operators.lm.training import Learner, Plan
from corpusmill.operators.weight.balance.contract import (
    ALIGNMENT,
    GRAM,
    REFERENCE,
    VALIDATION,
    Probes,
    Rule,
    Seen,
    settled,
)
from corpusmill.operators.weight.balance.samples import LinUpper

Doubles = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """What a course is made of, besides its streams."""

    shape: Shape
    plan: Plan
    rule: Rule
    first: Doubles  # (m,): proportions of the first round
    evaluation: Doubles  # (m,): p_eval
    steps: int = 100  # K
    least: int = 1  # sequences of a domain that make a new gradient
    floor: float = 0.0  # under every share
    smoothing: float = 0.0  # weight of the former proportions
    order: int = 0  # seed of the order of sequences
    samples: LinUpper | None = None  # weights within a batch
    apart: int = 16384  # tokens of each domain that are not learned from, where the rule needs such text


class Sums:
    """What a round tells of its domains."""

    def __init__(self, domains: int) -> None:
        self.counts, self.losses, self.excess, self.weights = (np.zeros(domains) for _ in range(4))

    def add(self, domains: npt.NDArray[np.int64], losses: Doubles, weights: Doubles, excess: Doubles | None) -> None:
        """A batch: of each sequence its domain, mean loss, weight and mean excess loss."""
        for total, values in ((self.counts, np.ones(len(domains))), (self.losses, losses), (self.weights, weights),
                              (self.excess, np.zeros(len(domains)) if excess is None else excess)):
            np.add.at(total, domains, values)

    def mean(self, name: str) -> Doubles:
        """By sequence; NaN where there were none."""
        found: Doubles = np.divide(getattr(self, name), self.counts, out=np.full(len(self.counts), np.nan),
                                   where=self.counts > 0)
        return found


class Course:
    """A model in training, the proportions, and what is known of the domains. ``advance`` takes it a step further."""

    def __init__(self, setting: Setting, learned: Mapping[str, Tokens], reference: GPT | None = None) -> None:
        self.setting, self.learner = setting, Learner(setting.shape, setting.plan)
        self.device, self.clock = self.learner.device, Clock(self.learner.device)
        self.reference = None if reference is None else reference.to(self.device).eval()
        self.streams, self.held = self._streams(learned)
        self.names, m = self.streams.names, len(self.streams.names)
        self.shares, self.memory = setting.first, dict[str, Doubles]()
        self.rows: list[dict[str, Any]] = []
        self.mean_shares, self.extra_flops, self.extra_bytes = np.zeros(m), 0, 0
        self.sums, self._at, self._order = Sums(m), 0, np.zeros(0, np.int64)
        self.gradients: DomainGradients | None = None
        if GRAM in setting.rule.needs:
            timed = functools.partial(self.clock, "gradients")
            self.gradients = DomainGradients(self.learner.model, m, setting.least, timed)
        self._check()
        self._note_bytes()

    @property
    def rounds(self) -> int:
        """In all; the last one takes what is left over."""
        return max(1, self.learner.total // self.setting.steps)

    @property
    def done(self) -> bool:
        """Whether all steps were taken."""
        return self.learner.step >= self.learner.total

    @property
    def tokens(self) -> int:
        """That a step learns from."""
        return self.setting.plan.batch * self.setting.shape.context

    def advance(self) -> float:
        """A step, and before the first of a round its probes and update; the mean loss before it, in nats per token.

        Raises DataError where the loss is no number any more.
        """
        with self.clock("all"):
            if self._at == len(self._order):
                self._begin()
            domains = np.sort(self._order[self._at : self._at + self.setting.plan.batch])
            self._at += len(domains)
            loss = self._learn(domains)
            if self._at == len(self._order):
                self._end()
            return loss

    def _streams(self, learned: Mapping[str, Tokens]) -> tuple[Streams, Streams | None]:
        """To learn from, and what is set apart for rules that look at text that is not."""
        context, seed = self.setting.shape.context, self.setting.order
        if not self.setting.rule.needs & {VALIDATION, ALIGNMENT}:
            return Streams(learned, context, seed), None
        cut = {n: len(t) - min(max(context + 1, self.setting.apart), len(t) // 2) for n, t in learned.items()}
        apart = Streams({name: tokens[cut[name]:] for name, tokens in learned.items()}, context, seed)
        return Streams({name: tokens[: cut[name]] for name, tokens in learned.items()}, context, seed), apart

    def _check(self) -> None:
        """Raise ConfigError where rounds are too short for what they must hold, or the rule lacks its reference."""
        rule, m, batch = self.setting.rule, len(self.names), self.setting.plan.batch
        probes = rule.probes(m, 0)
        kept = probes.steps * len(probes.mixtures) if probes is not None and probes.kept else 0
        steps = min(self.setting.steps, self.learner.total)
        if steps - kept < 1:
            raise ConfigError(f"rounds.steps={self.setting.steps}: {kept} steps of probes leave nothing of a round of {steps}; "
                              "give longer rounds, or fewer or shorter probes")
        if GRAM in rule.needs:
            drawn = apportioned(self.shares, steps * batch)
            if drawn.min() < self.setting.least:
                raise ConfigError(f"rounds.least={self.setting.least}: the first round draws {drawn.min()} of its "
                                  f"{steps * batch} sequences from {self.names[int(drawn.argmin())]}, so that its gradient "
                                  "would not be known; give longer rounds, or other first proportions")
        if REFERENCE in rule.needs and self.reference is None:
            raise ConfigError(f"balance={type(rule).__name__.lower()} compares with a reference model: give reference=@NAME, "
                              "what train_lm or balance wrote")
        settled(self.shares, self.shares, self.setting.floor)

    def _note_bytes(self) -> None:
        """Memory that the method holds beside the training."""
        self.extra_bytes = 0 if self.gradients is None else self.gradients.nbytes
        if self.reference is not None:
            self.extra_bytes += sum(weight.numel() * weight.element_size() for weight in self.reference.parameters())

    def _begin(self) -> None:
        """Probes, the update, and the draw of the round."""
        done, rule, batch = len(self.rows), self.setting.rule, self.setting.plan.batch
        probes = rule.probes(len(self.names), done)
        drops = None if probes is None else self._probe(probes)
        if done or probes is not None:
            seen = self._seen(done, drops)
            with self.clock("rule"):
                wanted, memory = rule.update(seen, self.memory)
                self.shares = settled(wanted, self.shares, self.setting.floor, self.setting.smoothing)
                self.memory = dict(memory)
        end = self.learner.total if done + 1 == self.rounds else (done + 1) * self.setting.steps
        self.sums, self._at = Sums(len(self.names)), 0
        self._order = spread(apportioned(self.shares, (end - self.learner.step) * batch))

    def _end(self) -> None:
        """Close the round: its gradients, and its row of the trajectory."""
        gram = None
        if self.gradients is not None:
            self.gradients.finish()
            gram = self.gradients.gram()
            width = self.gradients.sums[0].numel()
            self.extra_flops += 2 * len(self.names) ** 2 * width
        self.mean_shares += self.shares * len(self._order) / (self.learner.total * self.setting.plan.batch)
        self.rows.append({
            "round": len(self.rows), "step": self.learner.step, "p": self.shares.tolist(), "count": self.sums.counts.tolist(),
            "loss": self.sums.mean("losses").tolist(), "weight": self.sums.mean("weights").tolist(),
            "excess": self.sums.mean("excess").tolist(), "gram": None if gram is None else gram.tolist()})

    def _seen(self, done: int, drops: Doubles | None) -> Seen:
        needs, sums = self.setting.rule.needs, self.sums
        told: dict[str, Any] = {"drops": drops}
        if done and GRAM in needs:
            told["gram"] = np.array(self.rows[-1]["gram"])
        if ALIGNMENT in needs:
            told["alignment"] = self._alignment()
        if REFERENCE in needs:
            told["excess"] = sums.mean("excess")
        if VALIDATION in needs:
            told["validation"] = self._validation()
        return Seen(self.shares, self.setting.evaluation, sums.counts, sums.mean("losses"), done, **told)

    def _learn(self, domains: npt.NDArray[np.int64], *, told: bool = True) -> float:
        """A step on the next sequence of each domain named, ascending; ``told``: it is part of what the round tells."""
        tokens = self.streams.take(domains).to(self.device)
        excess = self._reference_losses(tokens) if told and self.reference is not None else None
        losses = token_losses(self.learner.model, tokens)
        each = losses.mean(1)
        weights = self._weights(each)
        if told:
            over = None if excess is None else (losses.detach() - excess).clamp(min=0).mean(1).double().cpu().numpy()
            of = np.ones(len(domains)) if weights is None else weights.double().cpu().numpy()
            self.sums.add(domains, each.detach().double().cpu().numpy(), of, over)
            if self.gradients is not None:
                self.gradients.expect(domains, weights)
                self.extra_flops += 2 * self.gradients.sums[0].numel() * self.tokens
        self.learner.descend(each.mean() if weights is None else (weights * each).mean())
        return self.learner.finite(float(each.detach().mean()))

    def _weights(self, losses: torch.Tensor) -> torch.Tensor | None:
        if self.setting.samples is None:
            return None
        with self.clock("samples"):
            found = self.setting.samples.weights(losses.detach().double().cpu().numpy(), self.learner.step)
            return torch.from_numpy(found).float().to(self.device)

    @torch.inference_mode()
    def _reference_losses(self, tokens: torch.Tensor) -> torch.Tensor:
        assert self.reference is not None, "asked only where there is one"
        with self.clock("reference"):
            self.extra_flops += self.reference.shape.flops // 3 * self.tokens
            return token_losses(self.reference, tokens)

    def _alignment(self) -> Doubles:
        """Of each domain's gradient with that of text that is not learned from, drawn by p_eval."""
        assert self.held is not None, "set apart for rules that need it"
        assert self.gradients is not None, "rules that align need gradients"
        with self.clock("held out"):
            domains = spread(apportioned(self.setting.evaluation, self.setting.plan.batch))
            tokens = self.held.take(domains).to(self.device)
            self.extra_flops += self.setting.shape.flops // 3 * self.tokens
            gradient = output_gradient(self.learner.model, tokens)
        return self.gradients.along(gradient)

    def _validation(self) -> Doubles:
        """Losses of the text that was set apart, (m,)."""
        assert self.held is not None, "set apart for rules that need it"
        with self.clock("held out"):
            model, widths, losses = self.learner.model, np.ones(self.setting.shape.vocabulary, np.int32), []
            for name in self.names:
                text = self.held.tokens[name]
                windows = held_windows(text, self.setting.shape.context, len(text))
                self.extra_flops += self.setting.shape.flops // 3 * windows[:, 1:].numel()
                losses.append(measured(model, windows, widths, self.device).loss)
            return np.array(losses)

    def _probe(self, probes: Probes) -> Doubles:
        """How far each probe lowers the losses of the text that was set apart, (k, m)."""
        batch, drops = self.setting.plan.batch, []
        before = self._validation()
        for mixture in probes.mixtures:
            order = spread(apportioned(mixture, probes.steps * batch)).reshape(-1, batch)
            if probes.kept:
                for domains in order:
                    self._learn(np.sort(domains), told=False)
                after = self._validation()
                drops.append(before - after)
                before = after
            else:
                drops.append(before - self._put_back(order))
        return np.array(drops)

    def _put_back(self, order: npt.NDArray[np.int64]) -> Doubles:
        """The losses after some steps, which are then undone."""
        with self.clock("probes"):
            state, position = copy.deepcopy(self.learner.state()), self.streams.position.copy()
            self.extra_bytes = max(self.extra_bytes, _size(state))
            for domains in order:
                self._learn(np.sort(domains), told=False)
            self.extra_flops += self.setting.shape.flops * order.size * self.setting.shape.context
        after = self._validation()
        self.learner.restore(state)
        self.streams.position[:] = position
        return after

    def state(self) -> dict[str, Any]:
        """All that it takes to go on: tensors and plain values."""
        arrays = {"shares": self.shares, "mean_shares": self.mean_shares, "order": self._order,
                  "position": self.streams.position} | {f"sums/{name}": values for name, values in vars(self.sums).items()}
        arrays |= {f"memory/{name}": values for name, values in self.memory.items()}
        arrays |= {"held": self.held.position} if self.held is not None else {}
        return {"learner": self.learner.state(), "arrays": {name: torch.from_numpy(a) for name, a in arrays.items()},
                "gradients": None if self.gradients is None else self.gradients.state(), "rows": self.rows, "at": self._at,
                "extra_flops": self.extra_flops, "extra_bytes": self.extra_bytes, "seconds": dict(self.clock.seconds)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state of the same setting and streams."""
        self.learner.restore(state["learner"])
        if self.gradients is not None:
            self.gradients.restore(state["gradients"])
        arrays = {name: values.cpu().numpy().copy() for name, values in state["arrays"].items()}
        self.shares, self.mean_shares, self._order = arrays["shares"], arrays["mean_shares"], arrays["order"]
        self.streams.position[:] = arrays["position"]
        if self.held is not None:
            self.held.position[:] = arrays["held"]
        for name in vars(self.sums):
            setattr(self.sums, name, arrays[f"sums/{name}"])
        self.memory = {name.removeprefix("memory/"): a for name, a in arrays.items() if name.startswith("memory/")}
        self.rows, self._at = list(state["rows"]), int(state["at"])
        self.extra_flops, self.extra_bytes = int(state["extra_flops"]), int(state["extra_bytes"])
        self.clock.seconds.update(state["seconds"])


def _size(state: Any) -> int:
    """Bytes of the tensors in a state."""
    if isinstance(state, torch.Tensor):
        return state.numel() * state.element_size()
    values = state.values() if isinstance(state, dict) else state if isinstance(state, list) else ()
    return sum(_size(value) for value in values)
