# How GitHub's runners get in, without a key that could leak: GitHub signs what a job is, AWS believes it.
# Nothing here is made unless a repository is named.

locals {
  with_github = var.repository != null

  # An account holds one provider an issuer; one that another project made is used as it is.
  github_provider = one(concat(compact([var.oidc_provider_arn]), aws_iam_openid_connect_provider.github[*].arn))

  # How `sub` begins. Repositories that were made, renamed or moved since July 2026 are named with their ids.
  repositories = local.with_github ? [
    "repo:${var.repository}",
    format("repo:%s@%s/%s@%s", split("/", var.repository)[0], var.repository_owner_id, split("/", var.repository)[1], var.repository_id),
  ] : []

  # who may take which role: what GitHub writes into `sub`, and the branch that the job must be of
  subjects = { for role, who in merge(
    { plan = { subjects = ["pull_request", "ref:refs/heads/${var.branch}"], refs = [] } },
    { for environment in var.environments : "deploy-${environment}" => { subjects = ["environment:${environment}"], refs = ["refs/heads/${var.branch}"] } },
  ) : role => who if local.with_github }

  # The claims that STS knows as keys of conditions besides `aud` and `sub`: actor, actor_id, enterprise_id,
  # environment, job_workflow_ref, ref, repository, repository_id, workflow. The owner's id is not among
  # them, but an id of a repository is given once and never again.
  claims = "token.actions.githubusercontent.com"
}

# whoever had the one of the former version, which was always made
moved {
  from = aws_iam_openid_connect_provider.github
  to   = aws_iam_openid_connect_provider.github[0]
}

resource "aws_iam_openid_connect_provider" "github" {
  count = local.with_github && var.oidc_provider_arn == null ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  for_each = local.subjects

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.github_provider]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.claims}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.claims}:sub"
      values   = flatten([for repository in local.repositories : [for subject in each.value.subjects : "${repository}:${subject}"]])
    }

    # a name may be given to another repository, its id never
    condition {
      test     = "StringEquals"
      variable = "${local.claims}:repository_id"
      values   = [var.repository_id]
    }

    # An environment that a job names and nobody made is made by GitHub, without protection: the branch
    # must not rest on its settings alone.
    dynamic "condition" {
      for_each = length(each.value.refs) > 0 ? [each.value.refs] : []

      content {
        test     = "StringEquals"
        variable = "${local.claims}:ref"
        values   = condition.value
      }
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
