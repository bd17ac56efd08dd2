import json
import random

import pytest
from topics import TOPICS, Commands, ingest


@pytest.fixture(scope="package")
def documents(tmp_path_factory):
    """A store and its documents: three topics from two sources, with bread mostly long."""
    folder = tmp_path_factory.mktemp("regrouping")
    rng, common = random.Random(0), [f"common{i}" for i in range(40)]
    with (folder / "in.jsonl").open("w") as file:
        for topic in TOPICS:
            for i in range(40):
                words = [f"{topic}{rng.randrange(20)}" for _ in range(9)] + rng.choices(common, k=21 + 40 * (i % 2))
                rng.shuffle(words)
                source = "web" if i % 4 else "books"
                file.write(json.dumps({"text": " ".join(words), "source": source, "native_id": f"{topic}-{i}"}) + "\n")
        file.write(json.dumps({"text": "?!", "source": "web", "native_id": "blank"}) + "\n")
    mill = Commands(folder / "store")
    return mill, ingest(mill, folder / "in.jsonl")
