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
  description = "Id of the account whose ECS may take the roles."
  type        = string
}

variable "stage" {
  description = "The stage: also the name of its container."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2,16}$", var.stage))
    error_message = "stage must be 2 to 16 of a-z."
  }
}

variable "repository" {
  description = "Where the image lies: of module repositories."
  type        = object({ url = string, arn = string })
}

variable "image" {
  description = "Image by digest; null before the first push, the task then cannot start."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must be a reference by digest: …@sha256:<64 hexadecimal digits>."
  }
}

variable "cpu" {
  description = "CPU units of a task; 1024 are one vCPU."
  type        = number

  validation {
    condition     = contains(keys(local.sizes), tostring(var.cpu))
    error_message = "cpu must be one of Fargate's: ${join(", ", keys(local.sizes))}."
  }
}

variable "memory_mib" {
  description = "Memory of a task in MiB."
  type        = number

  validation {
    # a cpu that there is not is told by its own rule
    condition     = contains(lookup(local.sizes, tostring(var.cpu), [var.memory_mib]), var.memory_mib)
    error_message = "memory_mib must fit cpu on Fargate: with ${var.cpu} units one of ${join(", ", lookup(local.sizes, tostring(var.cpu), []))}."
  }
}

variable "storage_gib" {
  description = "Disk of a task for spill and staging files in GiB: 20, which cost nothing, to 200."
  type        = number
  default     = 20

  validation {
    condition     = var.storage_gib >= 20 && var.storage_gib <= 200 && floor(var.storage_gib) == var.storage_gib
    error_message = "storage_gib must be a whole number, 20 to 200."
  }
}

variable "time_limit_seconds" {
  description = "Seconds after which the program ends itself with an error; its state waits longer."
  type        = number
  default     = 7200

  validation {
    condition     = var.time_limit_seconds >= 1 && floor(var.time_limit_seconds) == var.time_limit_seconds
    error_message = "time_limit_seconds must be a whole number, at least 1."
  }
}

variable "architecture" {
  description = "What the image is built for: ARM64 (a fifth cheaper) or X86_64; aws.architecture of lake.yaml."
  type        = string
  default     = "ARM64"

  validation {
    condition     = contains(["ARM64", "X86_64"], var.architecture)
    error_message = "architecture must be ARM64 or X86_64."
  }
}

variable "bucket_arn" {
  description = "ARN of the lake's bucket."
  type        = string
}

variable "lake_uri" {
  description = "URI of the lake."
  type        = string
}

variable "config_uri" {
  description = "URI of lake.yaml as deployed."
  type        = string
}

variable "access" {
  description = "What the stage does to which keys of the lake: patterns of keys, and prefixes that it lists."
  type = object({
    read   = list(string)
    list   = list(string)
    write  = optional(list(string), [])
    delete = optional(list(string), [])
    # whose older versions it reads too
    versions = optional(list(string), [])
  })

  validation {
    condition = alltrue([
      for pattern in concat(var.access.read, var.access.list, var.access.write, var.access.delete, var.access.versions) :
      can(regex("^[a-z][a-z_-]*/", pattern))
    ])
    error_message = "a pattern of access must begin with a folder: a stage is never given the whole bucket."
  }
}

variable "variants" {
  description = "Further tasks of the same image, by name, each with a role that may do what stands here and nothing else."
  type = map(object({
    access = object({
      read   = list(string)
      list   = list(string)
      write  = optional(list(string), [])
      delete = optional(list(string), [])
      # whose older versions it reads too
      versions = optional(list(string), [])
    })
  }))
  default = {}

  validation {
    condition = alltrue([
      for name, variant in var.variants : !contains(["stage", var.stage], name) && can(regex("^[a-z]{2,16}$", name)) && alltrue([
        for pattern in concat(variant.access.read, variant.access.list, variant.access.write, variant.access.delete, variant.access.versions) :
        can(regex("^[a-z][a-z_-]*/", pattern))
      ])
    ])
    error_message = "a variant needs a name of its own other than `stage`, 2 to 16 of a-z, and patterns that begin with a folder."
  }
}

variable "secrets" {
  description = "Keys of sources, for the tasks of this stage: by the variable that holds one, the ARN of the secret in Secrets Manager or of the parameter in Systems Manager. ECS reads it and hands it over; the program cannot ask for it."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name, arn in var.secrets : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "a variable of secrets must be named with A-Z, 0-9 and _."
  }

  validation {
    condition = alltrue([
      for arn in values(var.secrets) :
      can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+(:[A-Za-z0-9_.-]*){0,3}$", arn)) ||
      can(regex("^arn:[a-z-]+:ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9/_.-]+$", arn))
    ])
    error_message = "secrets must be ARNs, arn:aws:secretsmanager:<region>:<account>:secret:<name> or arn:aws:ssm:<region>:<account>:parameter/<name>, never a key itself."
  }
}

variable "secrets_kms_key_arn" {
  description = "Key of one's own with which the secrets are encrypted; null: AWS's keys, which need no right."
  type        = string
  default     = null

  validation {
    condition     = var.secrets_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.secrets_kms_key_arn))
    error_message = "secrets_kms_key_arn must be the ARN of a key: arn:aws:kms:<region>:<account>:key/<id>."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827], var.log_retention_days)
    error_message = "log_retention_days must be one of CloudWatch's: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827."
  }
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
