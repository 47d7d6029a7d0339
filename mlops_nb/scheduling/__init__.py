"""When to run: schedules, the process that fires them, and a process for each firing."""
