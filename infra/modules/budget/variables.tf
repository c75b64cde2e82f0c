variable "name" {
  description = "Name of the budget: market-lake-<env>."
  type        = string
}

variable "environment" {
  description = "Value of the tag Environment whose costs count; null: all that the account costs."
  type        = string
}

variable "monthly_usd" {
  description = "US dollars a month; a mail at 80 % spent and when 100 % is forecast."
  type        = number

  validation {
    condition     = var.monthly_usd > 0
    error_message = "monthly_usd must be more than 0."
  }
}

variable "topic_arn" {
  description = "SNS topic that is told."
  type        = string
}

variable "email" {
  description = "Who else is told by mail; null: nobody."
  type        = string
  default     = null

  validation {
    condition     = var.email == null || can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", var.email))
    error_message = "email must be an address such as me@example.org."
  }
}
