# A reader in another account. The bucket refuses every principal of another account, and stays as it is: the
# reader takes a role in the lake's account, and what it reads is paid for and limited here.
#
# Put this file into the folder of your environment, and beside it cross_account_reader.auto.tfvars:
#
#   reader_account = "<12 digits>"
#   external_id    = "<a word that both sides know>"
#
# The boundary knows no Athena, so this role has none, and GitHub's deploy role makes no role without: deploy
# it from a terminal, and again when a release adds a table.

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

data "aws_partition" "cross_account_reader" {}

data "aws_iam_policy_document" "cross_account_reader" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.cross_account_reader.partition}:iam::${var.reader_account}:root"]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

resource "aws_iam_role" "cross_account_reader" {
  name               = "market-lake-${module.environment.environment}-reader-${var.reader_account}"
  description        = "asks the lake by Athena, for account ${var.reader_account}"
  assume_role_policy = data.aws_iam_policy_document.cross_account_reader.json
}

resource "aws_iam_role_policy" "cross_account_reader" {
  name   = "read"
  role   = aws_iam_role.cross_account_reader.id
  policy = module.environment.reader_policy
}

output "cross_account_reader" {
  description = "The role to take, as with `aws sts assume-role`, and the workgroup to ask in, which limits what a query may read."
  value       = { role_arn = aws_iam_role.cross_account_reader.arn, workgroup = module.environment.workgroup }
}
