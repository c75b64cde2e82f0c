variable "bucket" {
  description = "Name of the bucket, unique in the world: market-lake-<env>-<account>-<region>."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 63 of a-z, 0-9 and -, and neither begin nor end with -."
  }
}

variable "account" {
  description = "Id of the account that alone may use the bucket."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account))
    error_message = "account must be 12 digits."
  }
}

variable "config" {
  description = "Text of lake.yaml, as the jobs are to read it."
  type        = string

  validation {
    condition     = can(yamldecode(var.config).environment)
    error_message = "config must be a lake.yaml: YAML with the key environment."
  }
}

variable "config_key" {
  description = "Where lake.yaml lies in the bucket."
  type        = string
  default     = "config/lake.yaml"
}

variable "prefixes" {
  description = "Folders of the lake, without slashes, as infra/contract.json names them."
  type = object({
    bronze         = string
    temp           = string
    athena_results = optional(string, "athena-results")
  })
}

variable "bronze_glacier_days" {
  description = "Days after which archives move to Glacier Instant Retrieval."
  type        = number
  default     = 90

  validation {
    condition     = var.bronze_glacier_days >= 1 && var.bronze_glacier_days <= 3650
    error_message = "bronze_glacier_days must be 1 to 3650."
  }
}

variable "temp_days" {
  description = "Days after which temporary objects and query results go."
  type        = number
  default     = 7

  validation {
    condition     = var.temp_days >= 1
    error_message = "temp_days must be at least 1."
  }
}

variable "noncurrent_days" {
  description = "Days for which replaced and deleted objects can be brought back, and for which an execution can read the lake.yaml that it began with."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 7
    error_message = "noncurrent_days must be at least 7: commits in flight rely on it."
  }
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
