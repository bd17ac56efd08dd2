from corpusmill.operators.weight.uniform import Uniform


def test_every_domain_with_tokens_gets_the_same():
    assert Uniform().solve({"web": 10**12, "code": 1, "math": 7, "empty": 0}) == {
        "code": 1 / 3, "empty": 0.0, "math": 1 / 3, "web": 1 / 3}
