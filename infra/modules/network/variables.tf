variable "name" {
  description = "Prefix of all names: market-lake-<env>."
  type        = string

  validation {
    condition     = can(regex("^market-lake-[a-z][a-z0-9]{0,15}$", var.name))
    error_message = "name must be market-lake-<env>, the environment 1 to 16 of a-z and 0-9."
  }
}

variable "mode" {
  description = "public: tasks with public addresses, free at rest. private: behind NAT, about 94 USD a month."
  type        = string
  default     = "public"

  validation {
    condition     = contains(["public", "private"], var.mode)
    error_message = "mode must be public or private."
  }
}

variable "cidr" {
  description = "Addresses of the VPC; an address is needed for each task at work."
  type        = string
  default     = "10.84.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.cidr, 4, 15)) && tonumber(split("/", var.cidr)[1]) <= 22
    error_message = "cidr must be an IPv4 range of /22 or wider, such as 10.84.0.0/16."
  }
}
