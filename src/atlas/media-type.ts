/** The version of the Atlas Administration API that this client speaks, in its media type. */
export const ATLAS_MEDIA_TYPE = "application/vnd.atlas.2023-01-01+json";

/** `GET /rateLimits` exists since this later version only. */
export const RATE_LIMITS_MEDIA_TYPE = "application/vnd.atlas.2025-03-12+json";
