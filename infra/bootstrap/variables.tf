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
  description = "Repository on GitHub whose runners get in, owner/name; null: nobody gets in, and nothing of GitHub's is made."
  type        = string
  default     = null

  validation {
    condition     = var.repository == null || can(regex("^[A-Za-z0-9_-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository must be owner/name, without a wildcard."
  }
}

variable "repository_id" {
  description = "Its id, which no other repository ever gets: `id` of `gh api repos/owner/name`."
  type        = string
  default     = null

  validation {
    condition     = var.repository_id == null || can(regex("^[0-9]+$", var.repository_id))
    error_message = "repository_id must be a number."
  }

  validation {
    condition     = (var.repository == null) == (var.repository_id == null)
    error_message = "repository_id belongs to repository: both or neither."
  }
}

variable "repository_owner_id" {
  description = "The id of its owner: `owner.id` of `gh api repos/owner/name`."
  type        = string
  default     = null

  validation {
    condition     = var.repository_owner_id == null || can(regex("^[0-9]+$", var.repository_owner_id))
    error_message = "repository_owner_id must be a number."
  }

  validation {
    condition     = (var.repository == null) == (var.repository_owner_id == null)
    error_message = "repository_owner_id belongs to repository: both or neither."
  }
}

variable "oidc_provider_arn" {
  description = "The account's provider for GitHub's tokens where another project made it, with the audience sts.amazonaws.com; null: it is made here."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn must be arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com."
  }
}

variable "branch" {
  description = "Branch that is deployed: a job of another one gets no deploy role."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.branch))
    error_message = "branch must be the name of one branch, without a wildcard."
  }
}

variable "environments" {
  description = "Environments that are deployed to this account, named as the folders under infra/envs: each has a boundary and, with GitHub, a deploy role."
  type        = list(string)

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
