variable "config_file" {
  description = "Path of the environment's lake.yaml."
  type        = string

  validation {
    condition     = can(yamldecode(file(var.config_file)).aws.region) && can(yamldecode(file(var.config_file)).environment)
    error_message = "config_file must be a lake.yaml with environment and aws.region."
  }
}

variable "owner" {
  description = "The tag Owner; null: aws.owner of lake.yaml."
  type        = string
  default     = null

  validation {
    condition     = var.owner == null || can(regex("^[A-Za-z0-9 _.:/=+@-]{1,64}$", var.owner))
    error_message = "owner must be 1 to 64 letters, digits, spaces and any of _.:/=+-@, as in lake.yaml."
  }
}

variable "tags" {
  description = "Further tags of everything."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.tags), ["Project", "Environment", "ManagedBy", "Owner", "Stage"])) == 0
    error_message = "tags may not be Project, Environment, ManagedBy, Owner or Stage: the project sets those."
  }
}
