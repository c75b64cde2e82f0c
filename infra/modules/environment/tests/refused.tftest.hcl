# What the variables refuse.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-central-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b"] }
  }
}

variables {
  config   = "environment: test\naws: {region: eu-central-1}\n"
  contract = jsondecode(file("../../contract.json"))
}

run "an_image_of_no_stage_is_refused" {
  command = plan

  variables {
    images = { fold = "x@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
  }

  expect_failures = [var.images]
}

run "an_environment_named_as_the_bootstrap_is_refused" {
  command = plan

  variables {
    config = "environment: state\n"
  }

  expect_failures = [var.config]
}

run "an_environment_with_a_hyphen_is_refused" {
  command = plan

  variables {
    config = "environment: my-env\n"
  }

  expect_failures = [var.config]
}

run "a_boundary_that_is_no_policy_is_refused" {
  command = plan

  variables {
    permissions_boundary = "market-lake-boundary-test"
  }

  expect_failures = [var.permissions_boundary]
}

run "a_subnet_by_its_name_is_refused" {
  command = plan

  variables {
    network = { subnets = ["subnet-own", "private-a"], security_group = "sg-own" }
  }

  expect_failures = [var.network]
}

run "a_security_group_by_its_name_is_refused" {
  command = plan

  variables {
    network = { subnets = ["subnet-own"], security_group = "tasks" }
  }

  expect_failures = [var.network]
}

run "an_alias_in_place_of_a_key_is_refused" {
  command = plan

  variables {
    kms_key_arn = "alias/lake"
  }

  expect_failures = [var.kms_key_arn]
}

run "a_key_in_a_variable_of_who_deploys_is_refused" {
  command = plan

  variables {
    config = "environment: test\nsources: {a: {key: 'env:KEY'}}\naws: {region: eu-central-1}\n"
  }

  expect_failures = [var.config]
}

run "a_key_in_a_file_of_who_deploys_is_refused" {
  command = plan

  variables {
    config = "environment: test\nsources: {a: {}, b: {key: 'file:/etc/key'}}\naws: {region: eu-central-1}\n"
  }

  expect_failures = [var.config]
}

run "a_key_itself_is_refused" {
  command = plan

  variables {
    config = "environment: test\nsources: {a: {key: 0123456789abcdef}}\naws: {region: eu-central-1}\n"
  }

  expect_failures = [var.config]
}

run "a_secret_of_another_service_is_refused" {
  command = plan

  variables {
    config = "environment: test\nsources: {a: {key: 'ssm:arn:aws:s3:::bucket/key'}}\naws: {region: eu-central-1}\n"
  }

  expect_failures = [var.config]
}

run "a_secret_whose_name_looks_like_an_arns_end_is_refused" {
  command = plan

  variables {
    config = "environment: test\nsources: {a: {key: 'secretsmanager:market-lake/test/data-source'}}\naws: {region: eu-central-1}\n"
  }

  expect_failures = [var.config]
}

run "a_key_beyond_the_boundary_is_refused" {
  command = plan

  variables {
    permissions_boundary = "arn:aws:iam::111122223333:policy/market-lake-boundary-test"
    config               = "environment: test\nsources: {a: {key: 'ssm:/market-lake/prod/a'}}\naws: {region: eu-central-1}\n"
  }

  expect_failures = [var.config]
}

run "an_alias_in_place_of_the_secrets_key_is_refused" {
  command = plan

  variables {
    secrets_kms_key_arn = "alias/secrets"
  }

  expect_failures = [var.secrets_kms_key_arn]
}
