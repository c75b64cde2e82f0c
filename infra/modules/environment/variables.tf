variable "config" {
  description = "Text of lake.yaml; the jobs read the same bytes."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,15}$", yamldecode(var.config).environment))
    error_message = "config must be a lake.yaml whose environment is 1 to 16 of a-z and 0-9."
  }

  # market-lake-github-… and market-lake-state-… are the bootstrap's
  validation {
    condition     = !contains(["github", "state"], yamldecode(var.config).environment)
    error_message = "config must be a lake.yaml whose environment is not named github or state."
  }

  # a task has neither the variables nor the files of whoever deploys
  validation {
    condition = alltrue([
      for section in try(values(yamldecode(var.config).sources), []) : !can(regex("^(env|file):", section.key))
    ])
    error_message = "config has a source whose key is env: or file:, which mean nothing in a container: put the key into Secrets Manager or Systems Manager and say `key: secretsmanager:NAME` or `key: ssm:NAME` (docs/deploy.md)."
  }

  # the message must not repeat what may be the key itself
  validation {
    condition = alltrue([
      for section in try(values(yamldecode(var.config).sources), []) :
      !can(section.key) || can(regex("^(env|file):", section.key)) ||
      can(regex("^ssm:([A-Za-z0-9/_.-]+|arn:[a-z-]+:ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9/_.-]+)$", section.key)) ||
      can(regex("^secretsmanager:([A-Za-z0-9/_+=.@-]+|arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+(:[A-Za-z0-9_.-]*){0,3})$", section.key))
    ])
    error_message = "config has a source whose key is no place of one: expected secretsmanager:NAME, ssm:NAME, or an ARN of such a secret or parameter behind the colon."
  }

  # such a name looks like one with the letters that Secrets Manager puts behind it, and is not found
  validation {
    condition = alltrue([
      for section in try(values(yamldecode(var.config).sources), []) :
      !can(regex("^secretsmanager:[^:]*-[A-Za-z0-9]{6}$", section.key))
    ])
    error_message = "config has a source whose secret's name ends in a hyphen and six letters, as ARNs of secrets do: give the whole ARN, or another name to the secret."
  }

  # what the boundary of infra/bootstrap lets roles read
  validation {
    condition = var.permissions_boundary == null || alltrue([
      for section in try(values(yamldecode(var.config).sources), []) :
      can(regex("(^ssm:/?|^secretsmanager:|:parameter/|:secret:)market-lake/${yamldecode(var.config).environment}/[^:]", section.key))
      if can(regex("^(ssm|secretsmanager):", section.key))
    ])
    error_message = "config has a source whose key the roles of this environment may not read: their boundary allows market-lake/<environment>/… alone, such as secretsmanager:market-lake/dev/twelvedata or ssm:/market-lake/dev/twelvedata."
  }
}

variable "contract" {
  description = "infra/contract.json: the facts of the code."
  type = object({
    stages   = list(string)
    prefixes = map(string)
    metrics = object({
      namespace = string
      list = list(object({
        name      = string
        title     = string
        statistic = string
        stages    = list(string)
      }))
    })
    tables = map(object({
      schema     = string
      name       = string
      prefix     = string
      comment    = string
      partitions = list(string)
      columns    = list(object({ name = string, type = string, comment = string }))
    }))
    aws_defaults = object({
      architecture        = optional(string, "ARM64")
      bronze_glacier_days = number
      log_retention_days  = number
      network             = string
      scan_limit_gib      = number
      spot                = bool
      alarms              = object({ email = string, stale_hours = number, lag_hours = number })
      budget              = object({ counts = optional(string, "environment"), email = string, enabled = optional(bool, true), monthly_usd = number })
      map                 = object({ concurrency = number, tolerated_failure_percent = number })
      maintenance         = object({ enabled = bool, expression = string, days = number })
      schedule            = object({ enabled = bool, expression = string })
      tasks               = map(object({ cpu = number, memory_mib = number, storage_gib = number }))
    })
    tasks   = object({ seconds = number, start_seconds = number })
    queries = optional(map(object({ purpose = string, sql = string })), {})
  })
}

variable "images" {
  description = "Images by stage, each by digest; a stage without one cannot start."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.images), var.contract.stages)) == 0
    error_message = "images must be of stages: ${join(", ", var.contract.stages)}."
  }
}

variable "alarm_email" {
  description = "Who is told of alarms; null: who lake.yaml names, else nobody."
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "ARN of the boundary of all roles, from infra/bootstrap; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary must be the ARN of a policy: arn:aws:iam::<account>:policy/<name>."
  }
}

variable "wait_seconds" {
  description = "Seconds before a silent source is asked again; doubles each time."
  type        = number
  default     = 60
}

variable "network" {
  description = "Subnets and a security group of one's own, which need a way to the sources, to S3, to ECR, to CloudWatch Logs and to where the keys of sources are; null: a VPC is made as aws.network of lake.yaml says."
  type = object({
    subnets          = list(string)
    security_group   = string
    assign_public_ip = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.network == null || try(length(var.network.subnets) > 0, false)
    error_message = "network needs at least one subnet."
  }

  validation {
    condition     = var.network == null || try(alltrue([for subnet in var.network.subnets : can(regex("^subnet-", subnet))]), false)
    error_message = "network.subnets must be ids of subnets: subnet-…."
  }

  validation {
    condition     = var.network == null || can(regex("^sg-", var.network.security_group))
    error_message = "network.security_group must be the id of a security group: sg-…."
  }
}

variable "secrets_kms_key_arn" {
  description = "Key of one's own with which the keys of sources are encrypted in Secrets Manager or Systems Manager; null: AWS's."
  type        = string
  default     = null

  validation {
    condition     = var.secrets_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.secrets_kms_key_arn))
    error_message = "secrets_kms_key_arn must be the ARN of a key: arn:aws:kms:<region>:<account>:key/<id>."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the lake; null: S3's own, which costs nothing."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a key: arn:aws:kms:<region>:<account>:key/<id>."
  }
}
