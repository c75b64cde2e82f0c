variable "name" {
  description = "Prefix of all names: market-lake-<env>."
  type        = string
}

variable "environment" {
  description = "Name of the environment."
  type        = string
}

variable "account" {
  description = "Id of the account."
  type        = string
}

variable "bucket" {
  description = "Name of the lake's bucket."
  type        = string
}

variable "runs_prefix" {
  description = "Folder of runs in the lake."
  type        = string
  default     = "runs"
}

variable "task_definitions" {
  description = "ARNs of the task definitions by stage, with their revision."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["plan", "bronze", "silver", "commit", "gold", "check"], keys(var.task_definitions))) == 0
    error_message = "task_definitions must have plan, bronze, silver, commit, gold and check."
  }
}

variable "role_arns" {
  description = "Roles of the stages, which the state machine passes to ECS."
  type        = list(string)
}

variable "network" {
  description = "Where tasks run: the outputs of module network."
  type = object({
    subnets          = list(string)
    security_group   = string
    assign_public_ip = string
  })
}

variable "topic_arn" {
  description = "Topic that is told how runs end."
  type        = string
}

variable "spot" {
  description = "Whether bronze and silver try Fargate Spot first; a second attempt is on demand."
  type        = bool
  default     = true
}

variable "concurrency" {
  description = "Batches (and symbols) at work at once."
  type        = number
  default     = 8

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000
    error_message = "concurrency must be 1 to 1000."
  }
}

variable "tolerated_failure_percent" {
  description = "Percent of batches that may fail for good before the run does."
  type        = number
  default     = 25

  validation {
    condition     = var.tolerated_failure_percent >= 0 && var.tolerated_failure_percent <= 100
    error_message = "tolerated_failure_percent must be 0 to 100."
  }
}

variable "attempts" {
  description = "How often a task is tried: limits.run.attempts of lake.yaml."
  type        = number
  default     = 3

  validation {
    condition     = var.attempts >= 1 && var.attempts <= 20
    error_message = "attempts must be 1 to 20."
  }
}

variable "wait_seconds" {
  description = "Seconds before a silent source is asked again; doubles each time."
  type        = number
  default     = 60

  validation {
    condition     = var.wait_seconds >= 1 && var.wait_seconds <= 900
    error_message = "wait_seconds must be 1 to 900."
  }
}

variable "task_timeout_seconds" {
  description = "Seconds after which a single task counts as stuck and is stopped; more than those after which its program ends itself."
  type        = number
  default     = 7800

  validation {
    condition     = var.task_timeout_seconds >= 60 && var.task_timeout_seconds <= 31536000 && floor(var.task_timeout_seconds) == var.task_timeout_seconds
    error_message = "task_timeout_seconds must be a whole number, a minute to a year."
  }
}

variable "run_timeout_seconds" {
  description = "Seconds after which a run is stopped: limits.run.timeout_seconds of lake.yaml."
  type        = number
  default     = 21600

  validation {
    condition     = var.run_timeout_seconds >= 60 && var.run_timeout_seconds <= 31536000
    error_message = "run_timeout_seconds must be a minute to a year."
  }
}

variable "schedule" {
  description = "When the pipeline runs by itself: an expression of EventBridge Scheduler in UTC; over these sources, or over all where none is named."
  type = object({
    expression = string
    enabled    = bool
    sources    = optional(list(string), [])
  })

  validation {
    condition     = can(regex("^(cron|rate|at)\\(.+\\)$", var.schedule.expression))
    error_message = "schedule.expression must be cron(…), rate(…) or at(…)."
  }
}

variable "source_schedules" {
  description = "Schedules of their own, by source: each run of one is over its source alone."
  type = map(object({
    expression = string
    enabled    = bool
  }))
  default = {}

  validation {
    condition = alltrue([
      for source, schedule in var.source_schedules :
      can(regex("^[a-z][a-z0-9_]{0,15}$", source)) && can(regex("^(cron|rate|at)\\(.+\\)$", schedule.expression))
    ])
    error_message = "source_schedules must be of sources, 1 to 16 of a-z, 0-9 and _, with an expression cron(…), rate(…) or at(…)."
  }

  # the schedule of all sources would run them a second time
  validation {
    condition     = length(var.source_schedules) == 0 || !var.schedule.enabled || length(var.schedule.sources) > 0
    error_message = "schedule.sources must name the sources without a schedule of their own where others have one."
  }

  validation {
    condition     = length(setintersection(keys(var.source_schedules), var.schedule.sources)) == 0
    error_message = "a source has a schedule of its own in source_schedules, or is one of schedule.sources: not both."
  }
}

variable "maintenance" {
  description = "The care of the tables: its task and the roles to pass on, when it is due (EventBridge Scheduler, UTC), and the days for which replaced files stay."
  type = object({
    task_definition = string
    role_arns       = list(string)
    expression      = string
    enabled         = bool
    days            = number
  })

  validation {
    condition     = can(regex("^(cron|rate)\\(.+\\)$", var.maintenance.expression)) && var.maintenance.days >= 7
    error_message = "maintenance.expression must be cron(…) or rate(…), maintenance.days at least 7: files of commits in flight are younger."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 30
}

variable "permissions_boundary" {
  description = "ARN of the boundary of the roles, from infra/bootstrap."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "Key that encrypts the lake; null: S3's own."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key: arn:aws:kms:<region>:<account>:key/<id>."
  }
}
