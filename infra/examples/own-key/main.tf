# The lake encrypted with a key of one's own, which costs 1 USD a month: who may not use it reads nothing, whatever
# else he may do. The roles of the lake use it through S3 alone.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

module "settings" {
  source = "../../modules/settings"

  # yours: a copy of infra/envs/dev/lake.yaml
  config_file = "${path.root}/../../envs/dev/lake.yaml"
}

provider "aws" {
  region              = module.settings.region
  allowed_account_ids = module.settings.accounts

  default_tags {
    tags = module.settings.tags
  }
}

data "aws_caller_identity" "this" {}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109: a key's policy says who may manage the key itself: its account
  # checkov:skip=CKV_AWS_111: as above
  # checkov:skip=CKV_AWS_356: in a key's policy `*` is the key
  statement {
    sid       = "TheAccountManagesIt"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.this.account_id}:root"]
    }
  }
}

resource "aws_kms_key" "lake" {
  description         = "market-lake: what lies in the lake"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

module "environment" {
  source = "../../modules/environment"

  config      = module.settings.config
  contract    = module.settings.contract
  kms_key_arn = aws_kms_key.lake.arn
}

output "environment" {
  description = "Everything that the module environment puts out."
  value       = module.environment
}
