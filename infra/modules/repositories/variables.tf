variable "environment" {
  description = "Name of the environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,15}$", var.environment))
    error_message = "environment must be 1 to 16 of a-z and 0-9."
  }
}

variable "stages" {
  description = "Stages, each of which has an image."
  type        = set(string)

  validation {
    condition     = length(var.stages) > 0 && alltrue([for stage in var.stages : can(regex("^[a-z]{2,16}$", stage))])
    error_message = "stages must be names of 2 to 16 of a-z."
  }
}

variable "kept_images" {
  description = "Images kept of each stage: those of the last deployments, which executions at work may still start."
  type        = number
  default     = 5

  validation {
    condition     = var.kept_images >= 2 && floor(var.kept_images) == var.kept_images
    error_message = "kept_images must be a whole number, at least 2: an execution at work may be one deployment behind."
  }
}
