export {
  type FileRecipe,
  type MountRecipe,
  parseRecipe,
  profileName,
  type Recipe,
  recipeSchema,
  recipeText,
  type UserRecipe,
} from './recipe.js';
