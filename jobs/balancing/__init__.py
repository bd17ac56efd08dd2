"""What ``balance`` does: a model is trained while a rule moves the proportions.

    course.py    the training, round by round; its state is all that it takes to go on
    clock.py     where the seconds go
    results.py   what is written: proportions, trajectory, run table, overhead
"""
