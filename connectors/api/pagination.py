"""Every list is paged."""

from rest_framework.pagination import CursorPagination, PageNumberPagination


class Pages(PageNumberPagination):
    """`?page=2&page_size=100`, at most 200 a page."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class Record(CursorPagination):
    """`?page_size=100`, and then as `next` says: no page costs more than the first, however long the record is."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = ("-at", "-id")
