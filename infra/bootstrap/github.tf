# How GitHub's runners get in, without a key that could leak: GitHub signs what a job is, AWS believes it.

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  # who may take which role: what GitHub writes into `sub`
  subjects = {
    plan   = ["repo:${var.repository}:pull_request", "repo:${var.repository}:ref:refs/heads/${var.branch}"]
    deploy = [for environment in var.environments : "repo:${var.repository}:environment:${environment}"]
  }
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
  description          = each.key == "plan" ? "pull requests: look, change nothing" : "deployments of ${var.branch}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600
}

resource "aws_iam_policy" "plan" {
  for_each = data.aws_iam_policy_document.plan

  name   = "market-lake-github-plan-${each.key}"
  policy = each.value.json
}

resource "aws_iam_role_policy_attachment" "plan" {
  for_each = aws_iam_policy.plan

  role       = aws_iam_role.github["plan"].name
  policy_arn = each.value.arn
}

# a deployment looks before it changes
resource "aws_iam_role_policy_attachment" "deploy_looks" {
  for_each = aws_iam_policy.plan

  role       = aws_iam_role.github["deploy"].name
  policy_arn = each.value.arn
}

resource "aws_iam_policy" "deploy" {
  for_each = data.aws_iam_policy_document.deploy

  name   = "market-lake-github-deploy-${each.key}"
  policy = each.value.json
}

resource "aws_iam_role_policy_attachment" "deploy" {
  for_each = aws_iam_policy.deploy

  role       = aws_iam_role.github["deploy"].name
  policy_arn = each.value.arn
}
