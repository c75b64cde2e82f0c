"""The one error that is shown to people: a sentence that ends with what to do."""


class EmulatorError(Exception):
    """Something the user can act on. Printed without a traceback; the program ends with status 1."""
