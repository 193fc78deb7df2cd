/** The review states of a job: what they are called, and the key that chooses each in a result. */
import type { Text } from "./languages/de";
import type { Review } from "./types";

export const REVIEWS: Record<Review, Text> = {
  unread: "Unread",
  accepted: "Accepted",
  needs_correction: "Needs correction",
};
export const REVIEW_KEYS: Record<string, Review> = { u: "unread", y: "accepted", x: "needs_correction" };
