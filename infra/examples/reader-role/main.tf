# A role for an analyst of the same account: asks the lake by Athena, in the workgroup with its limit, and
# changes nothing. Who may take it is a list of roles or users, such as the one of AWS SSO.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

variable "analysts" {
  description = "ARNs of the roles or users that may take the role."
  type        = list(string)

  validation {
    condition     = length(var.analysts) > 0 && alltrue([for arn in var.analysts : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[^*]+$", arn))])
    error_message = "analysts must be ARNs of roles or users, without a wildcard."
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
      identifiers = var.analysts
    }
  }
}

resource "aws_iam_role" "reader" {
  name                 = "market-lake-reader"
  description          = "asks the lake by Athena"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 8 * 3600
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
