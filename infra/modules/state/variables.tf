variable "bucket" {
  description = "Name of the bucket: market-lake-state-<account>-<region>."
  type        = string

  validation {
    condition     = can(regex("^market-lake-state-[0-9]{12}-[a-z0-9-]+$", var.bucket))
    error_message = "bucket must be market-lake-state-<account>-<region>."
  }
}
