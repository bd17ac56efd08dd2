"""The source catalogue."""

import pytest

from corpusmill.jobs.sources.catalogue import Entry, entry, names
from corpusmill.operators.errors import ConfigError

GOOD = "name: my_site\nurl: https://example.org/\nlanguage: pt-BR\ndomain: web\nlicense: CC0-1.0\n"


@pytest.mark.parametrize("name", names())
def test_every_entry_is_valid_and_named_like_its_file(name):
    assert entry(name).name == name


def test_a_file_of_ones_own_is_read(tmp_path):
    (tmp_path / "mine.yaml").write_text(GOOD)
    assert entry(str(tmp_path / "mine.yaml")) == Entry("my_site", "https://example.org/", "pt-BR", "web", "CC0-1.0")


@pytest.mark.parametrize(("change", "message"), [
    (("domain: web\n", ""), "domain is missing"),
    (("license:", "licence:"), "no key 'licence'"),
    (("pt-BR", "Portuguese"), "language='Portuguese'"),
    (("https:", "ftp:"), "url='ftp:"),
    (("my_site", "my site"), "name='my site'"),
    (("CC0-1.0", "''"), "license=''"),
    (("domain: web", "domain: 5"), "domain=5"),
    (("name:", "name: ["), "not YAML"),
    ((GOOD, "- a"), "must be a mapping"),
])
def test_what_is_wrong_is_named(tmp_path, change, message):
    (tmp_path / "mine.yaml").write_text(GOOD.replace(*change))
    with pytest.raises(ConfigError, match=message.replace("[", r"\[")):
        entry(str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize("name", ["wikipedai", "../corpus/files", "/nowhere.yaml"])
def test_an_unknown_name_is_refused_with_what_there_is(name):
    with pytest.raises(ConfigError, match="there is"):
        entry(name)
