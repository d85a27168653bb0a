def metrics(*_):
    return {}
