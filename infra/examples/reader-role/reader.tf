# A role for analysts of the same account: asks the lake by Athena, in the workgroup with its limit, and
# changes nothing. Who may take it is a list of roles or users, such as the one of AWS SSO.
#
# Put this file into the folder of your environment, and beside it reader.auto.tfvars:
#
#   analysts = ["arn:aws:iam::<account>:role/<name>"]
#
# The boundary knows no Athena, so this role has none, and GitHub's deploy role makes no role without: deploy
# it from a terminal, and again when a release adds a table.

variable "analysts" {
  description = "ARNs of the roles or users that may take the role."
  type        = list(string)

  validation {
    condition     = length(var.analysts) > 0 && alltrue([for arn in var.analysts : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[^*]+$", arn))])
    error_message = "analysts must be ARNs of roles or users, without a wildcard."
  }
}

data "aws_iam_policy_document" "reader" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.analysts
    }
  }
}

resource "aws_iam_role" "reader" {
  name                 = "market-lake-${module.environment.environment}-reader"
  description          = "asks the lake by Athena"
  assume_role_policy   = data.aws_iam_policy_document.reader.json
  max_session_duration = 8 * 3600
}

resource "aws_iam_role_policy" "reader" {
  name   = "read"
  role   = aws_iam_role.reader.id
  policy = module.environment.reader_policy
}

output "reader" {
  description = "The role to take, as with `aws sts assume-role`, and the workgroup to ask in, which limits what a query may read."
  value       = { role_arn = aws_iam_role.reader.arn, workgroup = module.environment.workgroup }
}
