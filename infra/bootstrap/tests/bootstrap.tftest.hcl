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

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::111122223333:policy/market-lake-boundary" }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
  }
}

# what may not be destroyed cannot be tested here: modules/state is tested beside itself
override_module {
  target = module.state
  outputs = {
    bucket = "market-lake-state-111122223333-eu-central-1"
    arn    = "arn:aws:s3:::market-lake-state-111122223333-eu-central-1"
  }
}

variables {
  region     = "eu-central-1"
  repository = "someone/market-lake"
}

run "pull_requests_can_only_read" {
  command = apply

  assert {
    condition = alltrue(flatten([
      for policy in data.aws_iam_policy_document.look : [
        for statement in policy.statement : [
          for action in statement.actions : can(regex(":(Describe|Get|List|View|Validate|Filter)", action))
        ]
      ]
    ]))
    error_message = "the plan role may change something"
  }

  assert {
    condition     = toset([for attached in aws_iam_role_policy_attachment.deploy : attached.role]) == toset(["market-lake-github-deploy-dev", "market-lake-github-deploy-prod"])
    error_message = "what changes something must be attached to the roles of deployments only"
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

run "deployments_come_from_their_environment" {
  command = apply

  assert {
    condition = alltrue([
      for environment in ["dev", "prod"] : toset(flatten([
        for condition in data.aws_iam_policy_document.trust["deploy-${environment}"].statement[0].condition : condition.values
      ])) == toset(["sts.amazonaws.com", "repo:someone/market-lake:environment:${environment}"])
    ])
    error_message = "somebody else may take a deploy role"
  }

  assert {
    condition     = toset(keys(output.deploy_roles)) == toset(["dev", "prod"]) && toset(keys(output.permissions_boundaries)) == toset(["dev", "prod"])
    error_message = "an environment has no deploy role or no boundary"
  }
}

run "a_deployment_touches_its_environment_only" {
  command = apply

  # whatever carries the project's name carries the environment's
  assert {
    condition = alltrue(flatten([
      for documents in [data.aws_iam_policy_document.deploy, data.aws_iam_policy_document.look] : [
        for key, policy in documents : [
          for statement in policy.statement : [
            for resource in statement.resources :
            can(regex("market[-_]lake[-_/]dev([-_/]|$)|:market-lake-state-[0-9]+-[a-z0-9-]+(/dev/\\*)?$", resource))
            if strcontains(resource, "market")
          ]
        ] if startswith(key, "deploy-dev-")
      ]
    ]))
    error_message = "who deploys dev may reach into what is not dev's"
  }

  assert {
    condition = alltrue(flatten([
      for policy in data.aws_iam_policy_document.boundary["dev"].statement : [
        for resource in policy.resources : can(regex("market-lake[-/]dev([-/]|$)", resource)) if strcontains(resource, "market")
      ]
    ]))
    error_message = "a role of dev may reach into what is not dev's"
  }
}

run "states_are_written_and_never_purged" {
  command = apply

  assert {
    condition = toset(flatten([
      for documents in [data.aws_iam_policy_document.deploy, data.aws_iam_policy_document.look] : [
        for policy in documents : [
          for statement in policy.statement : statement.actions
          if anytrue([for resource in statement.resources : strcontains(resource, "market-lake-state-")])
        ]
      ]
    ])) == toset(["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"])
    error_message = "a role may do more to the states than read, write and lock"
  }
}

run "a_deployment_makes_bounded_roles_only" {
  command = apply

  assert {
    condition = alltrue(flatten([
      for policy in data.aws_iam_policy_document.deploy : [
        for statement in policy.statement :
        contains([for condition in statement.condition : condition.variable], "iam:PermissionsBoundary")
        if length(setintersection(statement.actions, ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"])) > 0
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

run "one_bootstrap_serves_all_regions" {
  command = apply

  variables {
    regions = ["eu-central-1", "ap-northeast-1"]
  }

  assert {
    condition     = toset(local.named["deploy-prod"].queues) == toset(["arn:aws:sqs:eu-central-1:111122223333:market-lake-prod-*", "arn:aws:sqs:ap-northeast-1:111122223333:market-lake-prod-*"])
    error_message = "an environment in another region could not be deployed"
  }

  assert {
    condition = alltrue(flatten([
      for policy in data.aws_iam_policy_document.deploy : [
        for statement in policy.statement : [
          for condition in statement.condition : toset(condition.values) == toset(var.regions) if condition.variable == "aws:RequestedRegion"
        ]
      ]
    ]))
    error_message = "what knows no name must be held to the regions of environments"
  }

  assert {
    condition     = strcontains(output.backend["prod"], "region = \"eu-central-1\"")
    error_message = "the states stay in their region"
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

run "an_environment_named_as_the_roles_of_github_is_refused" {
  command = plan

  variables {
    environments = ["github"]
  }

  expect_failures = [var.environments]
}

run "any_region_is_refused" {
  command = plan

  variables {
    regions = ["*"]
  }

  expect_failures = [var.regions]
}
