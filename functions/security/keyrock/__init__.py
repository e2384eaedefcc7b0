"""The interface of FIWARE Keyrock (`/v1`, `/user`), so that what was written for it keeps working."""
