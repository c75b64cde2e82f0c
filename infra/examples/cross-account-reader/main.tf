# A reader in another account. The bucket refuses every principal of another account, and stays as it is: the
# reader takes a role in the lake's account, and what it reads is paid for and limited here.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

variable "reader_account" {
  description = "The account that reads, 12 digits. Whom it lets take the role, its own policies say."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.reader_account))
    error_message = "reader_account must be 12 digits."
  }
}

variable "external_id" {
  description = "A word that both sides know; who takes the role must say it. It is no secret: it keeps a third party from being talked into using its access for somebody else."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@:/_-]{8,128}$", var.external_id))
    error_message = "external_id must be 8 to 128 letters, digits and any of +=,.@:/_-."
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

module "environment" {
  source = "../../modules/environment"

  config   = module.settings.config
  contract = module.settings.contract
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${var.reader_account}:root"]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

resource "aws_iam_role" "reader" {
  name               = "market-lake-reader-${var.reader_account}"
  description        = "asks the lake by Athena, for account ${var.reader_account}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_policy" "reader" {
  name        = "market-lake-reader"
  description = "asks the lake by Athena, and changes nothing"
  policy      = module.environment.reader_policy
}

resource "aws_iam_role_policy_attachment" "reader" {
  role       = aws_iam_role.reader.name
  policy_arn = aws_iam_policy.reader.arn
}

output "role_arn" {
  description = "The role to take, as with `aws sts assume-role`."
  value       = aws_iam_role.reader.arn
}

output "workgroup" {
  description = "The workgroup to ask in; what a query may read is limited there."
  value       = module.environment.workgroup
}
