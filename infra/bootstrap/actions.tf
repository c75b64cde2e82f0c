# The calls that Terraform makes for an environment, seen when one was planned, applied and destroyed, and
# those of the commands. By name: what is not here is refused. `named` is what carries the project's name,
# by role; `*` stands where an action knows no resource or the name is made up by AWS.
# Networks are in network.tf.

locals {
  arn    = "arn:${local.partition}"
  places = [for region in local.regions : "${region}:${local.account}"]

  # Whose things a role knows: all of the project's who only looks, those of one environment who deploys it.
  # `names` go on behind the hyphen, `name` does not.
  scopes = merge(
    {
      plan = {
        environments = var.environments
        names        = "market-lake-*"
        name         = "market-lake-*"
        folder       = "market-lake/*"
        databases    = "market_lake_*"
      }
    },
    {
      for env in var.environments : "deploy-${env}" => {
        environments = [env]
        names        = "market-lake-${env}-*"
        name         = "market-lake-${env}"
        folder       = "market-lake/${env}/*"
        databases    = "market_lake_${env}_*"
      }
    },
  )

  named = { for role, scope in local.scopes : role => {
    buckets   = [for env in scope.environments : "${local.arn}:s3:::market-lake-${env}-*"]
    objects   = [for env in scope.environments : "${local.arn}:s3:::market-lake-${env}-*/*"]
    settings  = [for env in scope.environments : "${local.arn}:s3:::market-lake-${env}-*/config/*"]
    states    = [for env in scope.environments : "${module.state.arn}/${env}/*"]
    catalog   = flatten([for place in local.places : ["${local.arn}:glue:${place}:catalog", "${local.arn}:glue:${place}:database/${scope.databases}", "${local.arn}:glue:${place}:table/${scope.databases}"]])
    functions = [for place in local.places : "${local.arn}:glue:${place}:userDefinedFunction/${scope.databases}"]
    athena    = [for place in local.places : "${local.arn}:athena:${place}:workgroup/${scope.name}"]
    images    = [for place in local.places : "${local.arn}:ecr:${place}:repository/${scope.folder}"]
    registry  = [for place in local.places : "${local.arn}:ecr:${place}:repository/*"]
    clusters  = [for place in local.places : "${local.arn}:ecs:${place}:cluster/${scope.name}"]
    tasks     = flatten([for place in local.places : ["${local.arn}:ecs:${place}:task-definition/${scope.names}", "${local.arn}:ecs:${place}:task/${scope.name}/*"]])
    machines  = flatten([for place in local.places : [for kind in ["stateMachine", "execution", "mapRun"] : "${local.arn}:states:${place}:${kind}:${scope.names}"]])
    schedule  = [for place in local.places : "${local.arn}:scheduler:${place}:schedule/default/${scope.names}"]
    logs      = flatten([for place in local.places : ["${local.arn}:logs:${place}:log-group:/${scope.folder}", "${local.arn}:logs:${place}:log-group:/aws/vendedlogs/states/${scope.names}"]])
    alarms    = [for place in local.places : "${local.arn}:cloudwatch:${place}:alarm:${scope.names}"]
    boards    = ["${local.arn}:cloudwatch::${local.account}:dashboard/${scope.name}"]
    topics    = [for place in local.places : "${local.arn}:sns:${place}:${scope.names}"]
    queues    = [for place in local.places : "${local.arn}:sqs:${place}:${scope.names}"]
    budgets   = ["${local.arn}:budgets::${local.account}:budget/${scope.name}"]
    secrets   = flatten([for place in local.places : ["${local.arn}:secretsmanager:${place}:secret:${scope.folder}", "${local.arn}:ssm:${place}:parameter/${scope.folder}"]])
    roles     = [for env in scope.environments : "${local.arn}:iam::${local.account}:role/market-lake-${env}-*"]
    # Athena looks for it with every query, whichever database the query names
    default = [for place in local.places : "${local.arn}:glue:${place}:database/default"]
    # by id, which AWS makes up: what they may be used for, `for_the_lake` says
    keys = [for place in local.places : "${local.arn}:kms:${place}:key/*"]
  } }

  # A key of one's own serves what S3 asks it for, for what lies in the lake's bucket. S3 tells the key which
  # bucket or object it is.
  for_the_lake = { for role, own in local.named : role => [
    { test = "StringLike", variable = "kms:ViaService", values = ["s3.*.amazonaws.com"] },
    { test = "StringLike", variable = "kms:EncryptionContext:aws:s3:arn", values = own.buckets },
  ] }

  # by role, by policy (each has room for 6,144 letters), by statement
  reads = { for role, own in local.named : role => {
    data = {
      Buckets  = { resources = own.buckets, actions = ["s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLocation", "s3:GetBucketLogging", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetBucketRequestPayment", "s3:GetBucketTagging", "s3:GetBucketVersioning", "s3:GetBucketWebsite", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:ListBucket", "s3:ListBucketVersions"] }
      States   = { resources = own.states, actions = ["s3:GetObject"] }
      Settings = { resources = own.settings, actions = ["s3:GetObject", "s3:GetObjectTagging"] }
      Catalog  = { resources = own.catalog, actions = ["glue:GetDatabase", "glue:GetPartitionIndexes", "glue:GetTable", "glue:GetTables", "glue:GetTags"] }
      Default  = { resources = own.default, actions = ["glue:GetDatabase"] }
      Athena   = { resources = own.athena, actions = ["athena:GetNamedQuery", "athena:GetWorkGroup", "athena:ListNamedQueries", "athena:ListTagsForResource"] }
      # lake.yaml, where the lake has a key of its own
      OwnKey = { resources = own.keys, actions = ["kms:Decrypt"], conditions = local.for_the_lake[role] }
    }
    compute = {
      Images = { resources = own.images, actions = ["ecr:DescribeImages", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource"] }
      # asked without names it is judged on all of them
      Registry = { resources = own.registry, actions = ["ecr:DescribeRepositories"] }
      Clusters = { resources = own.clusters, actions = ["ecs:DescribeClusters", "ecs:ListTagsForResource"] }
      Tasks    = { resources = own.tasks, actions = ["ecs:DescribeTasks"] }
      Machines = { resources = own.machines, actions = ["states:DescribeExecution", "states:DescribeMapRun", "states:DescribeStateMachine", "states:GetExecutionHistory", "states:ListExecutions", "states:ListMapRuns", "states:ListStateMachineVersions", "states:ListTagsForResource"] }
      Schedule = { resources = own.schedule, actions = ["scheduler:GetSchedule"] }
    }
    watch = {
      Logs    = { resources = own.logs, actions = ["logs:FilterLogEvents", "logs:GetLogEvents", "logs:ListTagsForResource"] }
      Alarms  = { resources = concat(own.alarms, own.boards), actions = ["cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"] }
      Topics  = { resources = own.topics, actions = ["sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListTagsForResource"] }
      Queues  = { resources = own.queues, actions = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"] }
      Budgets = { resources = own.budgets, actions = ["budgets:ListTagsForResource", "budgets:ViewBudget"] }
      Roles   = { resources = own.roles, actions = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies"] }
      # these know no resource
      Anywhere = { resources = ["*"], actions = ["athena:ListWorkGroups", "cloudwatch:DescribeAlarms", "cloudwatch:ListDashboards", "ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute", "ec2:DescribeAvailabilityZones", "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces", "ec2:DescribePrefixLists", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs", "ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions", "ecs:ListTasks", "logs:DescribeLogGroups", "s3:ListAllMyBuckets", "sqs:ListQueues", "states:ListStateMachines", "states:ValidateStateMachineDefinition", "tag:GetResources"] }
    }
  } }

  writes = { for role, own in local.named : role => {
    data = {
      Buckets = { resources = own.buckets, actions = ["s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:ListBucketMultipartUploads", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"] }
      # config/; a teardown empties buckets, with their versions and what was never uploaded to the end
      Objects = { resources = own.objects, actions = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectTagging", "s3:PutObject", "s3:PutObjectTagging"] }
      OwnKey  = { resources = own.keys, actions = ["kms:GenerateDataKey"], conditions = local.for_the_lake[role] }
      # the state and its lock, whose older versions stay
      States  = { resources = own.states, actions = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"] }
      Catalog = { resources = concat(own.catalog, own.functions), actions = ["glue:CreateDatabase", "glue:CreateTable", "glue:DeleteDatabase", "glue:DeleteTable", "glue:TagResource", "glue:UntagResource", "glue:UpdateDatabase", "glue:UpdateTable"] }
      Athena  = { resources = own.athena, actions = ["athena:CreateNamedQuery", "athena:CreateWorkGroup", "athena:DeleteNamedQuery", "athena:DeleteWorkGroup", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:StartQueryExecution", "athena:StopQueryExecution", "athena:TagResource", "athena:UntagResource", "athena:UpdateNamedQuery", "athena:UpdateWorkGroup"] }
    }
    compute = {
      Images   = { resources = own.images, actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchDeleteImage", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:CreateRepository", "ecr:DeleteLifecyclePolicy", "ecr:DeleteRepository", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:ListImages", "ecr:PutImage", "ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy", "ecr:TagResource", "ecr:UntagResource", "ecr:UploadLayerPart"] }
      Clusters = { resources = own.clusters, actions = ["ecs:CreateCluster", "ecs:DeleteCluster", "ecs:PutClusterCapacityProviders", "ecs:TagResource", "ecs:UntagResource", "ecs:UpdateCluster"] }
      Tasks    = { resources = own.tasks, actions = ["ecs:RegisterTaskDefinition", "ecs:StopTask", "ecs:TagResource", "ecs:UntagResource"] }
      Machines = { resources = own.machines, actions = ["states:CreateStateMachine", "states:DeleteStateMachine", "states:StartExecution", "states:StopExecution", "states:TagResource", "states:UntagResource", "states:UpdateStateMachine"] }
      Schedule = { resources = own.schedule, actions = ["scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:UpdateSchedule"] }
    }
    # AWS makes up the names of networks; whose they are, their tags say (network.tf)
    network = merge(local.networks[role], {
      # a private name of an endpoint: its zone is AWS's own
      Names = { resources = ["${local.arn}:route53:::hostedzone/*"], actions = ["route53:AssociateVPCWithHostedZone"] }
      # knows no resource
      Retire = { resources = ["*"], actions = ["ecs:DeregisterTaskDefinition"] }
      SignIn = { resources = ["*"], actions = ["ecr:GetAuthorizationToken"] }
      # `deploy` tells what would wait
      Quotas = { resources = ["*"], actions = ["servicequotas:GetAWSDefaultServiceQuota", "servicequotas:GetServiceQuota"] }
      # Nor does this. Step Functions writes with whoever deploys as its caller: AWS puts a policy that lets
      # its delivery service write to the log group, and judges that call on all of a region. By AWS's word
      # it cannot be narrower (github.com/aws/aws-cdk/issues/7158).
      Deliver = { resources = ["*"], actions = ["logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"] }
    })
    watch = {
      Logs    = { resources = own.logs, actions = ["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource"] }
      Alarms  = { resources = concat(own.alarms, own.boards), actions = ["cloudwatch:DeleteAlarms", "cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"] }
      Topics  = { resources = own.topics, actions = ["sns:CreateTopic", "sns:DeleteTopic", "sns:SetSubscriptionAttributes", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:Unsubscribe", "sns:UntagResource"] }
      Queues  = { resources = own.queues, actions = ["sqs:ChangeMessageVisibility", "sqs:CreateQueue", "sqs:DeleteMessage", "sqs:DeleteQueue", "sqs:ReceiveMessage", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"] }
      Budgets = { resources = own.budgets, actions = ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"] }
    }
  } if role != "plan" }
}

locals {
  # one policy each; without GitHub there is nobody to have them
  looks = merge([for role, policies in local.reads : {
    for policy, statements in policies : "${role}-look-${policy}" => { role = role, statements = statements }
  } if local.with_github]...)
  changes = merge([for role, policies in local.writes : {
    for policy, statements in policies : "${role}-${policy}" => { role = role, policy = policy, statements = statements }
  } if local.with_github]...)
}
