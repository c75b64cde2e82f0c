# What must be there before the first environment: a place for Terraform's states. Once an account.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition

  # of the environments
  regions = length(var.regions) > 0 ? distinct(var.regions) : [var.region]
}

module "state" {
  source = "../modules/state"

  bucket = "market-lake-state-${local.account}-${var.region}"
}
