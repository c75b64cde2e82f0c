variable "name" {
  description = "Prefix of all names: market-lake-<env>."
  type        = string

  validation {
    condition     = can(regex("^market-lake-[a-z][a-z0-9]{0,15}$", var.name))
    error_message = "name must be market-lake-<env>, the environment 1 to 16 of a-z and 0-9."
  }
}

variable "environment" {
  description = "Name of the environment."
  type        = string
}

variable "account" {
  description = "Id of the account that owns the bucket."
  type        = string
}

variable "lake_uri" {
  description = "URI of the lake, without a slash at its end."
  type        = string

  validation {
    condition     = can(regex("^s3://[^/]+(/[^/]+)*$", var.lake_uri))
    error_message = "lake_uri must be s3://bucket or s3://bucket/prefix, without a slash at its end."
  }
}

variable "tables" {
  description = "Tables by <zone>.<name>: key `tables` of infra/contract.json."
  type = map(object({
    schema     = string
    name       = string
    prefix     = string
    comment    = string
    partitions = list(string)
    columns = list(object({
      name    = string
      type    = string
      comment = string
    }))
  }))

  validation {
    condition = alltrue([
      for table in var.tables : length(setsubtract(table.partitions, [for column in table.columns : column.name])) == 0
    ])
    error_message = "a partition of a table must be one of its columns."
  }

  validation {
    condition     = contains([for table in var.tables : table.schema], "gold")
    error_message = "tables must have the zone gold: named queries run there."
  }
}

variable "queries" {
  description = "Named queries by name: key `queries` of infra/contract.json. The database of a zone stands in their SQL as a template's variable."
  type        = map(object({ purpose = string, sql = string }))
  default     = {}

  validation {
    condition     = alltrue([for query in var.queries : length(query.purpose) > 0])
    error_message = "a query must say what it answers."
  }
}

variable "scan_limit_gib" {
  description = "GiB that one query may read; Athena takes 5 USD a TB."
  type        = number
  default     = 10

  validation {
    condition     = var.scan_limit_gib >= 0.01 && var.scan_limit_gib <= 10240
    error_message = "scan_limit_gib must be 0.01 (Athena's least, 10 MB) to 10240."
  }
}

variable "results_prefix" {
  description = "Folder of query results in the lake."
  type        = string
  default     = "athena-results"
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
