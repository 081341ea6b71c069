"""Files that another library reads: its events one by one, and what it says of damage."""


def one_by_one(events, reading):
    """The events of an iterable.

    Parameters
    ----------
    events : iterable
    reading : callable
        Makes the context in which each event is read.
    """
    iterator = iter(events)
    while True:
        with reading():
            event = next(iterator, None)
        if event is None:
            return
        yield event


def reason(error):
    """Kind and words of another library's exception, on one line of bearable length."""
    words = " ".join(str(error).split()) or "no reason given"
    return f"{type(error).__name__}: {words:.200s}"
