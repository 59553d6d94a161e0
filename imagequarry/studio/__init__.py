"""What a browser is shown: the web application at ``/`` and ``/studio``, and the documentation of the API."""
