"""The image and the manifests of deploy/ say what the project says."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from corpusmill.jobs.runtime.main import JOBS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
KNOWN = {"ARG", "FROM", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"}


@pytest.fixture(scope="module")
def image():
    """The Dockerfile as (instruction, arguments)."""
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    joined = re.sub(r"\\\n\s*", "", text)
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def job():
    return yaml.safe_load((ROOT / "deploy" / "kuberay" / "rayjob.yaml").read_text())


@pytest.fixture(scope="module")
def pods(job):
    cluster = job["spec"]["rayClusterSpec"]
    return [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def test_the_image_has_only_known_instructions_and_copies_what_exists(image):
    assert {instruction for instruction, _ in image} <= KNOWN
    for instruction, arguments in image:
        if instruction == "COPY":
            *sources, _ = arguments.split()
            assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_image_holds_everything_that_a_build_of_the_package_reads(image):
    copied = {source for instruction, arguments in image if instruction == "COPY" for source in arguments.split()[:-1]}
    assert {"pyproject.toml", "constraints.txt", PROJECT["readme"], *PROJECT["license-files"], "jobs", "operators",
            "conf"} <= copied


def test_the_image_runs_the_command_as_an_ordinary_user(image):
    last = dict(image)
    assert json.loads(last["ENTRYPOINT"]) == ["corpusmill"]
    assert json.loads(last["CMD"]) == ["--help"]
    assert int(last["USER"]) > 0


def test_python_of_the_image_is_one_that_the_project_supports(image):
    version = re.match(r"python:(3\.\d+)-slim", dict(image)["FROM"])[1]
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


def test_versions_are_those_of_the_constraints(image, job):
    """Head, workers and whoever submits must have the same Ray."""
    pinned = re.findall(r"([\w-]+)(?:\[\w+\])?==([\d.]+)", " ".join(arguments for _, arguments in image))
    assert pinned == [("ray", PINS["ray"])]
    assert any("-c constraints.txt" in arguments for _, arguments in image)
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == PINS["ray"]


def test_every_dependency_is_pinned():
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    names = {_canonical(re.match(r"[\w.-]+", requirement)[0]) for group in groups for requirement in group}
    assert names <= {_canonical(name) for name in PINS}


def test_the_cluster_asks_for_a_token(job):
    """Without it, whoever reaches the dashboard runs any code there."""
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert job["spec"]["rayClusterSpec"]["authOptions"] == {"mode": "token"}


def test_the_entrypoint_is_a_job_on_an_object_store(job):
    command, name, *overrides = shlex.split(job["spec"]["entrypoint"])
    assert command == "corpusmill"
    assert name in JOBS
    assert "store=s3" in overrides
    assert any(word.startswith("store.root=s3://") for word in overrides)


def test_pods_are_unprivileged_and_have_requests_and_credentials(pods):
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
            assert {"cpu", "memory"} == set(container["resources"]["requests"]) == set(container["resources"]["limits"])
            assert container["resources"]["requests"]["memory"] == container["resources"]["limits"]["memory"]
            assert {"secretRef": {"name": "corpusmill-s3"}} in container["envFrom"]
            assert container["image"] == f"corpusmill:{PROJECT['version']}"


def test_no_credentials_are_written_down():
    for path in (ROOT / "deploy").rglob("*.y*ml"):
        assert not re.search(r"AWS_(SECRET|ACCESS)\w*:|RAY_AUTH_TOKEN:|auth_token:", path.read_text())


@pytest.mark.parametrize("script", [".ci/run", "deploy/dev/radosgw.sh"])
def test_scripts_are_bash(script):
    found = subprocess.run(["bash", "-n", ROOT / script], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_make_refuses_an_unusable_python(tmp_path):
    """What a user on an old machine meets first."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    found = subprocess.run(["make", "demo", "PYTHON=/bin/false"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode != 0
    assert "3.11, 3.12 or 3.13" in found.stderr


def _canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()
