# How GitHub's runners get in, without a key that could leak: GitHub signs what a job is, AWS believes it.

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  # who may take which role: what GitHub writes into `sub`
  subjects = merge(
    { plan = ["repo:${var.repository}:pull_request", "repo:${var.repository}:ref:refs/heads/${var.branch}"] },
    { for environment in var.environments : "deploy-${environment}" => ["repo:${var.repository}:environment:${environment}"] },
  )
}

data "aws_iam_policy_document" "trust" {
  for_each = local.subjects

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = each.value
    }
  }
}

resource "aws_iam_role" "github" {
  for_each = local.subjects

  name                 = "market-lake-github-${each.key}"
  description          = each.key == "plan" ? "pull requests: look, change nothing" : "deployments of ${var.branch} to ${trimprefix(each.key, "deploy-")}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600
}

# a deployment looks before it changes
resource "aws_iam_policy" "look" {
  for_each = data.aws_iam_policy_document.look

  name   = "market-lake-github-${each.key}"
  policy = each.value.json
}

resource "aws_iam_role_policy_attachment" "look" {
  for_each = local.looks

  role       = aws_iam_role.github[each.value.role].name
  policy_arn = aws_iam_policy.look[each.key].arn
}

resource "aws_iam_policy" "deploy" {
  for_each = data.aws_iam_policy_document.deploy

  name   = "market-lake-github-${each.key}"
  policy = each.value.json
}

resource "aws_iam_role_policy_attachment" "deploy" {
  for_each = local.changes

  role       = aws_iam_role.github[each.value.role].name
  policy_arn = aws_iam_policy.deploy[each.key].arn
}
