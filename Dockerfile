FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

COPY manage.py ./
COPY config config
COPY bridge_api bridge_api
COPY audit audit
COPY templates templates

# Everything the bridge writes (database, secret key) is below /app/data.
RUN useradd --system --uid 10001 bridge && mkdir --mode=700 data && chown bridge data
USER bridge
VOLUME /app/data

# Reachable from outside: clients need a key (`manage.py create_client_key LABEL` in the container makes one).
ENV HOST=0.0.0.0 PORT=8000 BRIDGE_CLIENT_AUTH=keys
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=3s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]
CMD ["sh", "-c", "python manage.py migrate --verbosity 0 && exec gunicorn -c config/gunicorn.conf.py"]
