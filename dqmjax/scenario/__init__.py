"""Runs described by files: the command `dqmjax simulate`."""
