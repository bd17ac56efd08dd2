"""Every configuration composes, and says what it is for."""

from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from corpusmill.jobs.runtime.config import instantiate, strict
from corpusmill.jobs.runtime.help import CATALOGUE
from corpusmill.jobs.runtime.main import JOBS, module, register

CONF = Path(__file__).parents[1] / "conf"
GROUPS = {f.name: sorted(p.stem for p in f.glob("*.yaml")) for f in CONF.iterdir()
          if f.is_dir() and list(f.glob("*.yaml")) and f.name != CATALOGUE}
# What a user must give, with a value that will do.
GIVEN = {
    "documents": "m", "annotations": "m", "decisions": "m", "duplicates": "m", "domains": "m", "counts": "m",
    "proportions": "m", "manifest": "m", "path": "x.parquet", "mix.budget": "7", "weigh.proportions": "{a: 1.0}",
    "tokenizer.path": "x.json", "reason": "kept", "doc_id": "00", "target": "m", "raw": "m", "language_model": "m",
    "arms": "[m]",
    "weigh.law": "m",
    "weigh.utilities": "m", "weigh.embeddings": "m",
}


def own_groups(job):
    return named(CONF / f"{job}.yaml")


def named(file):
    """The groups in a file's defaults."""
    defaults = yaml.safe_load(file.read_text()).get("defaults", [])
    return [name for entry in defaults if isinstance(entry, dict) for name in entry]


NESTED = {name.partition("@")[0].removeprefix("/") for file in CONF.glob("*/*.yaml") if file.parent.name != "recipe"
          for name in named(file)}


CHOICES = [(job, group, option) for job in JOBS for group in own_groups(job) for option in GROUPS[group]]


def composed(job, overrides):
    register(job)
    with initialize_config_module("corpusmill.conf", version_base="1.3", job_name="test"):
        return compose(job, overrides)


@pytest.mark.parametrize(("job", "group", "option"), CHOICES, ids=["-".join(c) for c in CHOICES])
def test_every_job_composes_with_every_option_of_its_groups(job, group, option):
    """And is a valid configuration as soon as what must be given is given."""
    config = composed(job, [f"{group}={option}"])
    for key, value in GIVEN.items():
        if OmegaConf.is_missing(OmegaConf.select(config, key.rpartition(".")[0]) or config, key.rpartition(".")[2]):
            OmegaConf.update(config, key, yaml.safe_load(value))
    built = strict(module(job).Config, config)
    for name in ("tokenizer", "regroup", "weigh"):
        node = getattr(built, name, None)
        if isinstance(node, dict):
            assert instantiate(node, name)


def test_every_job_has_a_configuration_and_every_group_a_user():
    assert {p.stem for p in CONF.glob("*.yaml")} == set(JOBS)
    assert {group for job in JOBS for group in own_groups(job)} | NESTED == set(GROUPS)


@pytest.mark.parametrize("option", GROUPS["embedder"])
def test_k_means_composes_with_every_embedder(option):
    for job in ("regroup", "build"):
        built = strict(module(job).Config, composed(job, ["regroup=kmeans", f"embedder@regroup.embedder={option}"]))
        assert instantiate(built.regroup, "regroup").embedder == instantiate(built.regroup["embedder"], "regroup.embedder")


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yaml")), ids=lambda p: str(p.relative_to(CONF)))
def test_every_file_says_what_it_is(file):
    """A comment at its head (or below the package line), ended by a period or a colon."""
    lines = [line for line in file.read_text().splitlines() if line != "# @package _global_"]
    assert lines[0].startswith("# "), f"{file.name} begins with a comment"
    comment = " ".join(line.removeprefix("#").strip() for line in _head(lines))
    assert comment[0].isupper() or comment.startswith("corpusmill")
    assert comment.endswith((".", ":", "."))


def _head(lines):
    for line in lines:
        if not line.startswith("#"):
            return
        yield line


@pytest.mark.parametrize("job", JOBS)
def test_every_job_takes_the_common_settings(job):
    config = composed(job, ["store.root=s3://b/p", "store=s3", "engine.workers=3", "name=x", "plan=true", "limit=1e3"])
    assert (config.store.root, config.engine.workers, config.plan) == ("s3://b/p", 3, True)


@pytest.mark.parametrize("recipe", GROUPS["recipe"])
def test_a_recipe_sets_only_what_build_has(recipe):
    config = composed("build", [f"recipe={recipe}"])
    assert "recipe" not in config
    assert strict(module("build").Config, config)
