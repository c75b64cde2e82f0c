variable "images" {
  description = "Images by stage, each by digest; empty before the first push."
  type        = map(string)
  default     = {}
}

variable "owner" {
  description = "The tag Owner; null: aws.owner of lake.yaml."
  type        = string
  default     = null
}

variable "alarm_email" {
  description = "Who is told of alarms; null: aws.alarms.email of lake.yaml."
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "ARN of the boundary of all roles, from infra/bootstrap; null: none."
  type        = string
  default     = null
}

variable "config_file" {
  description = "Another lake.yaml than the one beside this file."
  type        = string
  default     = null
}
