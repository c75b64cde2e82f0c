mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/market-lake/test/silver" }
  }
}

variables {
  name        = "market-lake-test"
  environment = "test"
  account     = "111122223333"
  stage       = "silver"
  cpu         = 1024
  memory_mib  = 2048
  bucket_arn  = "arn:aws:s3:::lake"
  lake_uri    = "s3://lake"
  config_uri  = "s3://lake/config/0/lake.yaml"
  repository = {
    url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/market-lake/test/silver"
    arn = "arn:aws:ecr:eu-central-1:111122223333:repository/market-lake/test/silver"
  }
  access = { read = ["bronze/source=*"], list = ["bronze/*"], write = ["silver/trades/source=*"] }
}

run "the_container_can_write_nothing_but_scratch" {
  command = apply

  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.this["stage"].container_definitions)[0].readonlyRootFilesystem &&
      jsondecode(aws_ecs_task_definition.this["stage"].container_definitions)[0].user == "65532:65532" &&
      jsondecode(aws_ecs_task_definition.this["stage"].container_definitions)[0].mountPoints[0].containerPath == "/scratch"
    )
    error_message = "the container must run as nobody, with a read-only root and a writable /scratch"
  }

  assert {
    condition     = aws_ecs_task_definition.this["stage"].runtime_platform[0].cpu_architecture == "ARM64"
    error_message = "ARM64 is the default"
  }

  assert {
    condition     = strcontains(aws_ecs_task_definition.this["stage"].container_definitions, "silver:none")
    error_message = "without an image the definition must name one that cannot be"
  }
}

run "executions_at_work_keep_their_revision" {
  command = plan

  assert {
    condition     = aws_ecs_task_definition.this["stage"].skip_destroy
    error_message = "a deployment must not deregister the revision before"
  }
}

run "the_stage_is_told_what_the_jobs_read" {
  command = apply

  assert {
    condition = output.variables == {
      AWS_REGION             = "eu-central-1"
      MARKET_LAKE_CONFIG     = "s3://lake/config/0/lake.yaml"
      MARKET_LAKE_LOG_FORMAT = "json"
      MARKET_LAKE_TEMP       = "/scratch"
      MARKET_LAKE_TIME_LIMIT = "7200"
      MARKET_LAKE_URI        = "s3://lake"
    }
    error_message = "the environment of the task is not the agreed one"
  }
}

run "the_program_is_given_its_folders_only" {
  command = apply

  assert {
    condition = {
      for s in data.aws_iam_policy_document.task["stage"].statement : s.sid => join(" ", concat(sort(s.actions), sort(s.resources)))
      } == {
      Read  = "s3:GetObject arn:aws:s3:::lake/bronze/source=*"
      List  = "s3:ListBucket arn:aws:s3:::lake"
      Write = "s3:AbortMultipartUpload s3:PutObject arn:aws:s3:::lake/silver/trades/source=*"
    }
    error_message = "the task's role may more or less than it was given"
  }
}

run "an_image_by_tag_is_refused" {
  command = plan

  variables {
    image = "market-lake/silver:latest"
  }

  expect_failures = [var.image]
}

run "the_whole_bucket_is_refused" {
  command = plan

  variables {
    access = { read = ["*"], list = ["*"] }
  }

  expect_failures = [var.access]
}

run "sizes_are_those_that_lake_yaml_may_name" {
  command = plan

  assert {
    condition     = jsonencode(local.sizes) == jsonencode(jsondecode(file("../../contract.json")).tasks.sizes)
    error_message = "sizes.tf and the parser of lake.yaml know different sizes"
  }
}

run "large_sizes_come_in_larger_steps" {
  command = plan

  variables {
    cpu        = 8192
    memory_mib = 17408
  }

  expect_failures = [var.memory_mib]
}

run "the_largest_size_is_taken" {
  command = plan

  variables {
    cpu         = 16384
    memory_mib  = 122880
    storage_gib = 200
  }

  assert {
    condition     = one(aws_ecs_task_definition.this["stage"].ephemeral_storage).size_in_gib == 200
    error_message = "the task has not the disk that was asked for"
  }
}

run "a_cpu_that_fargate_lacks_is_refused" {
  command = plan

  variables {
    cpu = 1000
  }

  expect_failures = [var.cpu]
}

run "the_disk_that_every_task_has_is_not_asked_for" {
  command = plan

  assert {
    condition     = length(aws_ecs_task_definition.this["stage"].ephemeral_storage) == 0
    error_message = "ECS refuses to be asked for 20 GiB"
  }
}

run "a_disk_that_fargate_lacks_is_refused" {
  command = plan

  variables {
    storage_gib = 201
  }

  expect_failures = [var.storage_gib]
}

run "sizes_that_fargate_lacks_are_refused" {
  command = plan

  variables {
    cpu        = 256
    memory_mib = 4096
  }

  expect_failures = [var.memory_mib]
}

run "a_retention_that_cloudwatch_lacks_is_refused" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "a_variant_has_the_image_and_a_role_of_its_own" {
  command = apply

  variables {
    variants = { sweep = { access = { read = ["bronze/*"], list = ["bronze/*"], delete = ["bronze/source=*"] } } }
  }

  assert {
    condition = (
      aws_ecs_task_definition.this["sweep"].container_definitions == aws_ecs_task_definition.this["stage"].container_definitions &&
      aws_ecs_task_definition.this["sweep"].family == "market-lake-test-sweep" &&
      aws_iam_role.task["sweep"].name == "market-lake-test-sweep-task"
    )
    error_message = "a variant is the same container under another role"
  }

  assert {
    condition = (
      length([for s in data.aws_iam_policy_document.task["stage"].statement : s if s.sid == "Delete"]) == 0 &&
      length([for s in data.aws_iam_policy_document.task["sweep"].statement : s if s.sid == "Delete"]) == 1 &&
      length([for s in data.aws_iam_policy_document.task["sweep"].statement : s if s.sid == "Write"]) == 0
    )
    error_message = "what a variant may do, the stage may not, and the reverse"
  }
}

run "a_variant_named_stage_is_refused" {
  command = plan

  variables {
    variants = { stage = { access = { read = ["bronze/*"], list = ["bronze/*"] } } }
  }

  expect_failures = [var.variants]
}

run "an_alias_in_place_of_a_key_is_refused" {
  command = plan

  variables {
    kms_key_arn = "alias/lake"
  }

  expect_failures = [var.kms_key_arn]
}

run "a_key_of_ones_own_may_be_used_through_s3_alone" {
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/own"
    variants    = { sweep = { access = { read = ["bronze/*"], list = ["bronze/*"] } } }
  }

  assert {
    condition = alltrue([
      for document in data.aws_iam_policy_document.task : [
        for statement in document.statement : {
          actions   = toset(statement.actions)
          resources = toset(statement.resources)
          condition = [for condition in statement.condition : "${condition.variable} ${join(" ", condition.values)}"]
        } if statement.sid == "UseTheKey"
        ] == [{
          actions   = toset(["kms:Decrypt", "kms:GenerateDataKey"])
          resources = toset([var.kms_key_arn])
          condition = ["kms:ViaService s3.eu-central-1.amazonaws.com"]
      }]
    ])
    error_message = "every task must be able to use the lake's key, for S3 and nothing else"
  }

  assert {
    condition     = { for task, keys in output.keys : task => join(" ", keys) } == { stage = var.kms_key_arn, sweep = var.kms_key_arn }
    error_message = "the output does not say who may use the key"
  }
}

run "without_secrets_nothing_is_handed_over" {
  command = apply

  assert {
    condition     = !can(jsondecode(aws_ecs_task_definition.this["stage"].container_definitions)[0].secrets)
    error_message = "a definition without secrets must be as it was: another text is a new revision"
  }

  assert {
    condition     = toset([for s in data.aws_iam_policy_document.execution.statement : s.sid]) == toset(["LogIn", "PullTheImage", "WriteLogs"])
    error_message = "ECS may do more for a stage without secrets than start it"
  }
}

run "ecs_hands_over_the_stages_secrets_and_reads_no_other" {
  command = apply

  variables {
    secrets = {
      MARKET_LAKE_KEY_BY_NAME  = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:market-lake/test/a"
      MARKET_LAKE_KEY_BY_ARN   = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:market-lake/test/b-AbCdEf"
      MARKET_LAKE_KEY_BY_FIELD = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:market-lake/test/c-AbCdEf:apikey::"
      MARKET_LAKE_KEY_SSM      = "arn:aws:ssm:eu-central-1:111122223333:parameter/market-lake/test/d"
    }
    # which nobody asked for
    secrets_kms_key_arn = null
  }

  assert {
    condition     = jsonencode({ for secret in jsondecode(aws_ecs_task_definition.this["stage"].container_definitions)[0].secrets : secret.name => secret.valueFrom }) == jsonencode(var.secrets)
    error_message = "the container is not told where its secrets are"
  }

  assert {
    condition     = length(setintersection(keys(var.secrets), [for variable in jsondecode(aws_ecs_task_definition.this["stage"].container_definitions)[0].environment : variable.name])) == 0
    error_message = "a secret must come from ECS and stand in no definition"
  }

  # behind a name Secrets Manager puts six letters, behind an ARN nothing; a field is no resource
  assert {
    condition = {
      for s in data.aws_iam_policy_document.execution.statement : s.sid => join(" ", concat(sort(s.actions), sort(s.resources)))
      if startswith(s.sid, "HandOver") || s.sid == "DecryptThem"
      } == {
      HandOverSecrets = join(" ", [
        "secretsmanager:GetSecretValue",
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:market-lake/test/a-??????",
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:market-lake/test/c-AbCdEf",
        "arn:aws:secretsmanager:eu-west-1:444455556666:secret:market-lake/test/b-AbCdEf",
      ])
      HandOverParameters = "ssm:GetParameters arn:aws:ssm:eu-central-1:111122223333:parameter/market-lake/test/d"
    }
    error_message = "ECS may read more or less than the secrets that it hands over"
  }

  assert {
    condition = alltrue([
      for document in data.aws_iam_policy_document.task : alltrue([
        for s in document.statement : alltrue([for action in s.actions : startswith(action, "s3:")])
      ])
    ])
    error_message = "the program itself may ask for a secret"
  }
}

run "a_key_of_the_secrets_serves_them_alone" {
  command = apply

  variables {
    secrets_kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/secrets"
    secrets             = { MARKET_LAKE_KEY_A = "arn:aws:ssm:eu-central-1:111122223333:parameter/market-lake/test/a" }
  }

  assert {
    condition = [
      for s in data.aws_iam_policy_document.execution.statement : {
        actions   = join(" ", s.actions)
        resources = join(" ", s.resources)
        condition = [for condition in s.condition : "${condition.test} ${condition.variable} ${join(" ", condition.values)}"]
      } if s.sid == "DecryptThem"
      ] == [{
        actions   = "kms:Decrypt"
        resources = var.secrets_kms_key_arn
        condition = ["StringEquals kms:ViaService ssm.eu-central-1.amazonaws.com"]
    }]
    error_message = "the key must decrypt for the service that has the secrets, and for nothing else"
  }
}

run "a_key_without_secrets_is_not_granted" {
  command = apply

  variables {
    secrets_kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/secrets"
  }

  assert {
    condition     = alltrue([for s in data.aws_iam_policy_document.execution.statement : !contains(s.actions, "kms:Decrypt")])
    error_message = "ECS may use a key though it hands over nothing"
  }
}

run "a_key_in_place_of_its_arn_is_refused" {
  command = plan

  variables {
    secrets = { MARKET_LAKE_KEY_A = "0123456789abcdef" }
  }

  expect_failures = [var.secrets]
}

run "a_parameter_of_another_service_is_refused" {
  command = plan

  variables {
    secrets = { MARKET_LAKE_KEY_A = "arn:aws:s3:::bucket/key" }
  }

  expect_failures = [var.secrets]
}

run "a_variable_in_small_letters_is_refused" {
  command = plan

  variables {
    secrets = { market_lake_key_a = "arn:aws:ssm:eu-central-1:111122223333:parameter/market-lake/test/a" }
  }

  expect_failures = [var.secrets]
}

run "an_alias_in_place_of_the_secrets_key_is_refused" {
  command = plan

  variables {
    secrets_kms_key_arn = "alias/secrets"
  }

  expect_failures = [var.secrets_kms_key_arn]
}
