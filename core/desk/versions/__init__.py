"""Row versions of the desk's forms: nothing that a stale page says is carried out, and nothing typed in it is lost."""
