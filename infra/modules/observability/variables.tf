variable "name" {
  description = "Prefix of all names: market-lake-<env>."
  type        = string
}

variable "environment" {
  description = "Name of the environment: the value of the metrics' dimension."
  type        = string
}

variable "account" {
  description = "Id of the account whose alarms may publish."
  type        = string
}

variable "email" {
  description = "Who is told of alarms and failed runs; null: nobody, alarms are only shown."
  type        = string
  default     = null

  validation {
    condition     = var.email == null || can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", var.email))
    error_message = "email must be an address such as me@example.org."
  }
}

variable "stages" {
  description = "Stages that report metrics."
  type        = list(string)

  validation {
    condition     = contains(var.stages, "silver")
    error_message = "stages must have silver: the error rate is its."
  }
}

variable "metrics" {
  description = "Metrics that jobs report: key `metrics` of infra/contract.json."
  type = object({
    namespace = string
    list = list(object({
      name      = string
      title     = string
      statistic = string
      stages    = list(string)
    }))
  })
}

variable "state_machine_arn" {
  description = "ARN of the pipeline."
  type        = string
}

variable "dead_letter_queue" {
  description = "Name of the queue of failed batches."
  type        = string
}

variable "scheduled" {
  description = "Whether the pipeline runs by itself; if not, nobody is told that it did not run."
  type        = bool
}

variable "stale_hours" {
  description = "Hours without a check that found the data new enough after which it counts as stale."
  type        = number

  validation {
    condition     = var.stale_hours >= 1 && var.stale_hours <= 168 && floor(var.stale_hours) == var.stale_hours
    error_message = "stale_hours must be 1 to 168: CloudWatch looks back a week at most."
  }
}

variable "lag_hours" {
  description = "Hours from the end of the newest whole day until data is not new enough."
  type        = number
  default     = 72

  validation {
    condition     = var.lag_hours >= 1 && floor(var.lag_hours) == var.lag_hours
    error_message = "lag_hours must be a whole number of hours, at least 1."
  }
}

variable "error_rate_percent" {
  description = "Percent of rejected lines beyond which people are told."
  type        = number
  default     = 1

  validation {
    condition     = var.error_rate_percent > 0 && var.error_rate_percent <= 100
    error_message = "error_rate_percent must be more than 0 and at most 100."
  }
}

variable "source_latency_ms" {
  description = "Milliseconds to the first byte of the source's answers beyond which people are told."
  type        = number
  default     = 5000
}
