"""The addresses below `/api/v1/`."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from connectors.api.endpoints import batches, connectors, drift, operations, site

urlpatterns = [
    path("connectors/", connectors.Connectors.as_view(), name="api-connectors"),
    path("connectors/<int:pk>/", connectors.Connector.as_view(), name="api-connector"),
    path("connectors/<int:pk>/drift/", drift.ConnectorDrift.as_view(), name="api-connector-drift"),
    path("pipelines/", connectors.Pipelines.as_view(), name="api-pipelines"),
    path("pipelines/<int:pk>/", connectors.Pipeline.as_view(), name="api-pipeline"),
    path("pipelines/<int:pk>/drift/", drift.PipelineDrift.as_view(), name="api-pipeline-drift"),
    path("operations/", operations.Operations.as_view(), name="api-operations"),
    path("operations/<uuid:pk>/", operations.Operation.as_view(), name="api-operation"),
    path("operations/<uuid:pk>/cancel/", operations.Cancellation.as_view(), name="api-operation-cancel"),
    path("operations/<uuid:pk>/retry/", operations.Retry.as_view(), name="api-operation-retry"),
    path("operations/<uuid:pk>/resending/", operations.Resending.as_view(), name="api-operation-resending"),
    path("batches/", batches.Batches.as_view(), name="api-batches"),
    path("batches/preview/", batches.Preview.as_view(), name="api-batch-preview"),
    path("batches/<uuid:pk>/", batches.Batch.as_view(), name="api-batch"),
    path("batches/<uuid:pk>/items/", batches.Items.as_view(), name="api-batch-items"),
    path("batches/<uuid:pk>/cancel/", batches.Cancellation.as_view(), name="api-batch-cancel"),
    path("batches/<uuid:pk>/retry/", batches.Retry.as_view(), name="api-batch-retry"),
    path("batches/<uuid:pk>/restore/", batches.Restoration.as_view(), name="api-batch-restore"),
    path("audit-events/", site.AuditEvents.as_view(), name="api-audit-events"),
    path("vendors/", site.Vendors.as_view(), name="api-vendors"),
    path("accounts/", site.Accounts.as_view(), name="api-accounts"),
    path("accounts/<int:pk>/", site.Account.as_view(), name="api-account"),
    path("accounts/<int:pk>/test/", site.AccountTest.as_view(), name="api-account-test"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
]
