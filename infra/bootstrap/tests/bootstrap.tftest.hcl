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
  region              = "eu-central-1"
  environments        = ["dev", "prod"]
  repository          = "someone/market-lake"
  repository_id       = "456"
  repository_owner_id = "123"
}

# One run for all that the same variables make: an apply of it takes a second.
run "each_role_may_do_what_is_its_own" {
  command = apply

  # pull requests can only read
  assert {
    condition = alltrue(flatten([
      for policy in data.aws_iam_policy_document.look : [
        for statement in policy.statement : [
          for action in statement.actions : can(regex(":(Describe|Get|List|View|Validate|Filter)|^kms:Decrypt$", action))
        ]
      ]
    ]))
    error_message = "the plan role may change something"
  }

  assert {
    condition     = toset([for attached in aws_iam_role_policy_attachment.deploy : attached.role]) == toset(["market-lake-github-deploy-dev", "market-lake-github-deploy-prod"])
    error_message = "what changes something must be attached to the roles of deployments only"
  }

  # both forms of `sub`, of this repository's id alone
  assert {
    condition = {
      for condition in data.aws_iam_policy_document.trust["plan"].statement[0].condition : condition.variable => toset(condition.values)
      } == {
      "token.actions.githubusercontent.com:aud" = toset(["sts.amazonaws.com"])
      "token.actions.githubusercontent.com:sub" = toset([
        "repo:someone/market-lake:pull_request", "repo:someone@123/market-lake@456:pull_request",
        "repo:someone/market-lake:ref:refs/heads/main", "repo:someone@123/market-lake@456:ref:refs/heads/main",
      ])
      "token.actions.githubusercontent.com:repository_id" = toset(["456"])
    }
    error_message = "somebody else may take the plan role, or this repository may not"
  }

  assert {
    condition = alltrue(flatten([
      for document in data.aws_iam_policy_document.trust : [
        for condition in document.statement[0].condition : condition.test == "StringEquals" && !anytrue([for value in condition.values : strcontains(value, "*")])
      ]
    ]))
    error_message = "who may take a role must be said without wildcards"
  }

  # deployments come from their environment

  # GitHub makes an environment that nobody made, without protection: the branch counts too
  assert {
    condition = alltrue([
      for environment in ["dev", "prod"] : {
        for condition in data.aws_iam_policy_document.trust["deploy-${environment}"].statement[0].condition : condition.variable => toset(condition.values)
        } == {
        "token.actions.githubusercontent.com:aud"           = toset(["sts.amazonaws.com"])
        "token.actions.githubusercontent.com:sub"           = toset(["repo:someone/market-lake:environment:${environment}", "repo:someone@123/market-lake@456:environment:${environment}"])
        "token.actions.githubusercontent.com:repository_id" = toset(["456"])
        "token.actions.githubusercontent.com:ref"           = toset(["refs/heads/main"])
      }
    ])
    error_message = "somebody else may take a deploy role, or this environment may not"
  }

  assert {
    condition     = toset(keys(output.deploy_roles)) == toset(["dev", "prod"]) && toset(keys(output.permissions_boundaries)) == toset(["dev", "prod"])
    error_message = "an environment has no deploy role or no boundary"
  }

  # a deployment touches its environment only

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

  # a deployment changes its own networks only
  # What AWS names is known by its tags: made with them, changed where they are.
  assert {
    condition = alltrue(flatten([
      for key, policy in data.aws_iam_policy_document.deploy : [
        for statement in policy.statement : (
          # rules of groups: nothing but the group that they are of says whose they are
          alltrue([for resource in statement.resources : strcontains(resource, ":security-group-rule/")]) && !contains(statement.actions, "ec2:CreateTags") ||
          # nor does an interface of AWS's: the address that it loses does
          alltrue([for resource in statement.resources : strcontains(resource, ":network-interface/")]) && toset(statement.actions) == toset(["ec2:DisassociateAddress"]) ||
          anytrue([
            for place in ["aws:RequestTag", "aws:ResourceTag"] : alltrue([
              for tag, value in { Project = "market-lake", Environment = split("-", key)[1] } : anytrue([
                for condition in statement.condition : condition.test == "StringEquals" && condition.variable == "${place}/${tag}" && toset(condition.values) == toset([value])
              ])
            ])
          ])
        ) if anytrue([for action in statement.actions : startswith(action, "ec2:")])
      ]
    ]))
    error_message = "a deployment may change a network that is not its own"
  }

  # tags make a thing one's own: what is there already gets none
  assert {
    condition = alltrue(flatten([
      for policy in data.aws_iam_policy_document.deploy : [
        for statement in policy.statement : anytrue(concat(
          [for condition in statement.condition : condition.variable == "ec2:CreateAction"],
          [for condition in statement.condition : condition.test == "StringEquals" && condition.variable == "aws:ResourceTag/Environment"],
        )) if contains(statement.actions, "ec2:CreateTags")
      ]
    ]))
    error_message = "a deployment may make somebody else's network its own by tagging it"
  }

  # What is made must not be judged by the tags of the request where it is only made in something: making
  # a subnet would else be open to anybody's VPC.
  assert {
    condition = alltrue([
      for action, parents in {
        "ec2:CreateSubnet"        = ["vpc"]
        "ec2:CreateRouteTable"    = ["vpc"]
        "ec2:CreateSecurityGroup" = ["vpc"]
        "ec2:CreateNatGateway"    = ["subnet", "elastic-ip"]
        "ec2:CreateVpcEndpoint"   = ["vpc", "subnet", "route-table", "security-group"]
        } : alltrue(flatten([
          for policy in data.aws_iam_policy_document.deploy : [
            for statement in policy.statement : [
              for parent in parents : !anytrue([for resource in statement.resources : strcontains(resource, ":${parent}/") || strcontains(resource, ":*/")]) || anytrue([
                for condition in statement.condition : condition.variable == "aws:ResourceTag/Environment"
              ])
            ] if contains(statement.actions, action)
          ]
      ]))
    ])
    error_message = "something could be made in somebody else's network"
  }

  # a deployment can give its addresses back
  # The provider lets go of an address before it gives it back: both must be allowed, of the address and of the
  # interface that it was of.
  assert {
    condition = alltrue(flatten([
      for environment in ["dev", "prod"] : [
        for kind in ["*", "network-interface"] : anytrue([
          for statement in data.aws_iam_policy_document.deploy["deploy-${environment}-network"].statement :
          contains(statement.actions, "ec2:DisassociateAddress") && anytrue([for resource in statement.resources : endswith(resource, ":${kind}/*")])
        ])
      ]
    ]))
    error_message = "a private network could be made and not be taken down"
  }

  # who asks athena may look for default
  # Athena looks for Glue's `default` with every query, whichever database the query names.
  assert {
    condition = alltrue([
      for role in ["plan", "deploy-dev", "deploy-prod"] : toset(flatten([
        for statement in data.aws_iam_policy_document.look["${role}-look-data"].statement : statement.actions
        if anytrue([for resource in statement.resources : endswith(resource, ":database/default")])
      ])) == toset(["glue:GetDatabase"])
    ])
    error_message = "a role of GitHub's may not look for the database `default`, or may do more to it"
  }

  # a key of ones own keeps no deployment out
  # lake.yaml lies in the bucket as all else does, which a key of one's own may encrypt.
  assert {
    condition = alltrue([
      for environment in ["dev", "prod"] : alltrue([
        for action, document in {
          "kms:Decrypt"         = data.aws_iam_policy_document.look["deploy-${environment}-look-data"]
          "kms:GenerateDataKey" = data.aws_iam_policy_document.deploy["deploy-${environment}-data"]
        } : length([for statement in document.statement : statement if contains(statement.actions, action)]) == 1
      ])
    ])
    error_message = "a deployment could not read or write lake.yaml where the lake has a key of its own"
  }

  # a plan reads lake.yaml, and the boundary lets the tasks use the key
  assert {
    condition = (
      length([for statement in data.aws_iam_policy_document.look["plan-look-data"].statement : statement if contains(statement.actions, "kms:Decrypt")]) == 1 &&
      alltrue([
        for document in data.aws_iam_policy_document.boundary : length([
          for statement in document.statement : statement if toset(statement.actions) == toset(["kms:Decrypt", "kms:GenerateDataKey"])
        ]) == 1
      ])
    )
    error_message = "a plan could not read lake.yaml, or tasks not use the lake's key"
  }

  # of any key, but for S3 and for the environment's bucket alone
  assert {
    condition = alltrue(flatten([
      for documents in [data.aws_iam_policy_document.deploy, data.aws_iam_policy_document.look] : [
        for key, policy in documents : [
          for statement in policy.statement : toset([for condition in statement.condition : "${condition.variable} ${join(" ", condition.values)}"]) == toset([
            "kms:ViaService s3.*.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn arn:aws:s3:::market-lake-dev-*",
          ]) if anytrue([for action in statement.actions : startswith(action, "kms:")])
        ] if startswith(key, "deploy-dev-")
      ]
    ]))
    error_message = "who deploys dev may use keys for what is not dev's"
  }

  # a role reads the keys of its own environments sources
  assert {
    condition = jsonencode([
      for statement in data.aws_iam_policy_document.boundary["dev"].statement : {
        actions   = sort(statement.actions)
        resources = sort(statement.resources)
      } if statement.sid == "Secrets"
      ]) == jsonencode([{
        actions = ["secretsmanager:GetSecretValue", "ssm:GetParameters"]
        resources = [
          "arn:aws:secretsmanager:eu-central-1:111122223333:secret:market-lake/dev/*",
          "arn:aws:ssm:eu-central-1:111122223333:parameter/market-lake/dev/*",
        ]
    }])
    error_message = "roles of dev must be able to read dev's keys, and no other secret of the account"
  }

  # who deploys hands them over by their place and never sees one
  assert {
    condition = alltrue(flatten([
      for documents in [data.aws_iam_policy_document.deploy, data.aws_iam_policy_document.look] : [
        for policy in documents : [
          for statement in policy.statement : [
            for action in statement.actions : !can(regex("^(secretsmanager|ssm):", action))
          ]
        ]
      ]
    ]))
    error_message = "GitHub's runners may read a key of a source"
  }

  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.boundary["dev"].statement : [
        for condition in statement.condition : condition.values
      ] if contains(statement.actions, "kms:Decrypt")
    ])) == toset(["s3.*.amazonaws.com", "secretsmanager.*.amazonaws.com", "ssm.*.amazonaws.com"])
    error_message = "a key of one's own serves the lake and the secrets alone"
  }

  # ecs has its role before the first cluster
  assert {
    condition     = aws_iam_service_linked_role.ecs.aws_service_name == "ecs.amazonaws.com"
    error_message = "the first cluster of an account would race with ECS's role"
  }

  # so no deployment needs to make it
  assert {
    condition = !anytrue(flatten([
      for policy in data.aws_iam_policy_document.deploy : [for statement in policy.statement : contains(statement.actions, "iam:CreateServiceLinkedRole")]
    ]))
    error_message = "a deployment may make roles of services"
  }

  # states are written and never purged
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

  # the bootstrap's own lies beside the folders of the environments
  assert {
    condition = alltrue(flatten([
      for documents in [data.aws_iam_policy_document.deploy, data.aws_iam_policy_document.look] : [
        for policy in documents : [
          for statement in policy.statement : [
            for resource in statement.resources : can(regex("/[a-z0-9]+/\\*$", resource))
            if strcontains(resource, "market-lake-state-") && strcontains(resource, "/")
          ]
        ]
      ]
    ]))
    error_message = "a role of GitHub's may read or write the state that it was made from"
  }

  # a deployment makes bounded roles only
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

# Without a repository there is no way in, and the rest is there.
run "github_gets_in_only_where_it_was_asked_for" {
  command = apply

  variables {
    repository          = null
    repository_id       = null
    repository_owner_id = null
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) + length(aws_iam_role.github) + length(aws_iam_policy.look) + length(aws_iam_policy.deploy) + length(aws_iam_role_policy_attachment.look) + length(aws_iam_role_policy_attachment.deploy) == 0
    error_message = "something of GitHub's is made though no repository was named"
  }

  assert {
    condition     = output.github == null && output.plan_role == null && length(output.deploy_roles) == 0
    error_message = "roles are told that are not there"
  }

  assert {
    condition     = toset(keys(output.permissions_boundaries)) == toset(["dev", "prod"])
    error_message = "an environment has no boundary"
  }
}

run "a_third_environment_has_all_that_the_others_have" {
  command = apply

  variables {
    environments = ["dev", "prod", "third"]
  }

  assert {
    condition     = contains(keys(output.deploy_roles), "third") && contains(keys(output.permissions_boundaries), "third") && strcontains(output.backend["third"], "third/terraform.tfstate")
    error_message = "a third environment has no role, no boundary or no place for its state"
  }

  assert {
    condition     = toset([for key in keys(data.aws_iam_policy_document.deploy) : split("-", key)[2] if startswith(key, "deploy-third-")]) == toset([for key in keys(data.aws_iam_policy_document.deploy) : split("-", key)[2] if startswith(key, "deploy-dev-")])
    error_message = "a third environment's role may do less than the others'"
  }
}

run "a_provider_of_another_project_is_used_and_not_made" {
  command = apply

  variables {
    oidc_provider_arn = "arn:aws:iam::444455556666:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "an account has one provider an issuer: a second cannot be made"
  }

  assert {
    condition = alltrue([
      for document in data.aws_iam_policy_document.trust : one(document.statement[0].principals).identifiers == toset([var.oidc_provider_arn])
    ])
    error_message = "the roles trust another provider"
  }
}

# ids that AWS makes up stay: nothing is made anew
run "a_former_bootstrap" {
  command   = apply
  state_key = "former"

  module {
    source = "./tests/former"
  }
}

run "a_former_bootstrap_is_taken_on" {
  command   = apply
  state_key = "former"

  assert {
    condition = run.a_former_bootstrap.ids == merge(
      { provider = aws_iam_openid_connect_provider.github[0].id },
      { for key, role in aws_iam_role.github : key => role.unique_id },
    )
    error_message = "what the former version made would be destroyed and made anew"
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

run "a_repository_without_its_ids_is_refused" {
  command = plan

  variables {
    repository_id       = null
    repository_owner_id = null
  }

  expect_failures = [var.repository_id, var.repository_owner_id]
}

run "a_name_in_place_of_an_id_is_refused" {
  command = plan

  variables {
    repository_id       = "market-lake"
    repository_owner_id = "*"
  }

  expect_failures = [var.repository_id, var.repository_owner_id]
}

run "another_provider_than_github_is_refused" {
  command = plan

  variables {
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.example.org"
  }

  expect_failures = [var.oidc_provider_arn]
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
