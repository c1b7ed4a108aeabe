"""Background work: the job table, how workers claim and run jobs, and the timetable."""
