import torch

from corpusmill.jobs.proxy.learn import deterministic


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with deterministic(before + 1, "cpu"):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    assert not torch.are_deterministic_algorithms_enabled()
