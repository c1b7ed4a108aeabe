"""Changes in stores: a webhook or a poll enqueues a job, the job fetches, one place applies."""
