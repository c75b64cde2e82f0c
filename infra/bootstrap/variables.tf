variable "region" {
  description = "Region of the states."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be one such as eu-central-1."
  }
}

variable "regions" {
  description = "Regions of the environments: aws.region of each lake.yaml; empty: that of the states."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for region in var.regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "regions must be such as eu-central-1."
  }
}

variable "repository" {
  description = "Repository on GitHub whose runners get in: owner/name."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository must be owner/name, without a wildcard."
  }
}

variable "branch" {
  description = "Branch that is deployed; the environments on GitHub must allow this one only."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.branch))
    error_message = "branch must be the name of one branch, without a wildcard."
  }
}

variable "environments" {
  description = "Environments on GitHub that may deploy, named as the folders under infra/envs."
  type        = list(string)
  default     = ["dev", "prod"]

  validation {
    condition     = length(var.environments) > 0 && alltrue([for name in var.environments : can(regex("^[a-z][a-z0-9]{0,15}$", name))])
    error_message = "environments must be names of 1 to 16 of a-z and 0-9."
  }

  # market-lake-github-… are the roles made here, market-lake-state-… is the bucket of the states
  validation {
    condition     = length(setintersection(var.environments, ["github", "state"])) == 0
    error_message = "environments must not be named github or state: those names are taken."
  }
}

variable "owner" {
  description = "The tag Owner."
  type        = string
  default     = "market-lake"
}
