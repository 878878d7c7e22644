"""The one exception that means: the input is wrong, and here is the mend."""


class InputError(ValueError):
    """Bad input from the user: a file, a folder, an option or a config value.

    The message is one line that names the file or option and says what to do. The command-line tools print that line
    alone and exit with status 2; every other exception keeps its traceback, because it is a defect of this package.
    """
