mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::market-lake-state-111122223333-eu-central-1" }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::111122223333:policy/market-lake-boundary" }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
  }
}

variables {
  region     = "eu-central-1"
  repository = "someone/market-lake"
}

run "states_are_versioned_and_private" {
  command = apply

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled" && aws_s3_bucket_public_access_block.state.restrict_public_buckets
    error_message = "a state could be lost or seen"
  }
}

run "pull_requests_can_only_read" {
  command = apply

  assert {
    condition = alltrue(flatten([
      for policy in data.aws_iam_policy_document.plan : [
        for statement in policy.statement : [
          for action in statement.actions : can(regex(":(Describe|Get|List|View|Validate|Filter)", action))
        ]
      ]
    ]))
    error_message = "the plan role may change something"
  }

  assert {
    condition = toset(flatten([
      for condition in data.aws_iam_policy_document.trust["plan"].statement[0].condition : condition.values
      ])) == toset([
      "sts.amazonaws.com", "repo:someone/market-lake:pull_request", "repo:someone/market-lake:ref:refs/heads/main"
    ])
    error_message = "somebody else may take the plan role"
  }
}

run "deployments_come_from_an_environment" {
  command = apply

  variables {
    environments = ["prod"]
  }

  assert {
    condition = toset(flatten([
      for condition in data.aws_iam_policy_document.trust["deploy"].statement[0].condition : condition.values
    ])) == toset(["sts.amazonaws.com", "repo:someone/market-lake:environment:prod"])
    error_message = "somebody else may take the deploy role"
  }
}

run "a_deployment_makes_bounded_roles_only" {
  command = apply

  assert {
    condition = alltrue(flatten([
      for policy in data.aws_iam_policy_document.deploy : [
        for statement in policy.statement :
        contains([for condition in statement.condition : condition.variable], "iam:PermissionsBoundary")
        if length(setintersection(statement.actions, ["iam:CreateRole", "iam:PutRolePolicy"])) > 0
      ]
    ]))
    error_message = "a role without the boundary could be made"
  }

  assert {
    condition = alltrue(flatten([
      for policy in data.aws_iam_policy_document.deploy : [
        for statement in policy.statement :
        !contains(statement.actions, "iam:DeleteRolePermissionsBoundary") && !contains(statement.actions, "iam:CreatePolicyVersion")
      ]
    ]))
    error_message = "the boundary could be taken away"
  }
}

run "any_repository_is_refused" {
  command = plan

  variables {
    repository = "someone/*"
  }

  expect_failures = [var.repository]
}

run "any_branch_is_refused" {
  command = plan

  variables {
    branch = "*"
  }

  expect_failures = [var.branch]
}

run "no_environment_is_refused" {
  command = plan

  variables {
    environments = []
  }

  expect_failures = [var.environments]
}
